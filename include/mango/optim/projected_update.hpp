#pragma once
// The weights' side of a projected step: W moves by scale P N, which is never kept whole.
#include "mango/optim/projected_state.hpp"

namespace mango::inline MANGO_ABI::detail {

/// Rows of weights that one piece of work has, and what is brought back of them at a time: a block that stays in cache.
inline constexpr index_t projected_rows = 64, thin_tile_rows = 4, wide_tile_columns = 256;

/// Numbers of one row, which is elements [first, ...) of its tensor.
struct row_numbers {
  const float* at;
  index_t first, ahead;  // the weights that far on are asked for
  template <class At> MANGO_HOST_INLINE auto number(At i) const {
    i.i -= first;
    return load(at, i);
  }
};

template <class After, class Target, class Backend> struct projected_update {
  const Backend& on;
  const typename After::frame& frame;
  Target target;
  float scale;
  philox_key key;

  /// The rows of chunk number `chunk`: W <- after(W, scale C B), C m x r and B r x n.
  void operator()(const projection& p, const float* tall, const float* flat, index_t chunk) const {
    const index_t begin = chunk * projected_rows, most = p.rows - begin,
                  rows = most < projected_rows ? most : projected_rows;
    const matrix_view<const float> c{tall + begin * p.rank, rows, p.rank, p.rank}, b{flat, p.rank, p.cols, p.cols};
    if (p.rank <= thin_rank) expand_thin(c, b, begin);
    else expand_wide(c, b, begin);
  }

 private:
  void expand_thin(const matrix_view<const float>& c, const matrix_view<const float>& b, index_t begin) const {
    float some[thin_tile_rows * thin_block];
    for (index_t j = 0; j < b.cols; j += thin_block) {
      const index_t stop = j + thin_block < b.cols ? j + thin_block : b.cols;
      for (index_t i = 0; i < c.rows; i += thin_tile_rows) {
        const index_t rows = c.rows - i < thin_tile_rows ? c.rows - i : thin_tile_rows;
        const matrix_view<float> tile{some, rows, stop - j, thin_block};
        for (index_t r = 0; r < rows; ++r)
          std::memset(some + r * thin_block, 0, static_cast<std::size_t>(stop - j) * sizeof(float));
        thin_combine(columns_of(b, j, stop), c.data + i * c.ld, 1, c.ld, tile);
        move(tile, begin + i, j, b.cols);
      }
    }
  }
  void expand_wide(const matrix_view<const float>& c, const matrix_view<const float>& b, index_t begin) const {
    float some[projected_rows * wide_tile_columns];
    for (index_t j = 0; j < b.cols; j += wide_tile_columns) {
      const index_t stop = j + wide_tile_columns < b.cols ? j + wide_tile_columns : b.cols;
      const matrix_view<float> tile{some, c.rows, stop - j, wide_tile_columns};
      on.template gemm<float>(1, c, false, columns_of(b, j, stop), false, 0, tile);
      move(tile, begin, j, b.cols);
    }
  }
  // the weights at (row, column) by a tile
  void move(const matrix_view<float>& tile, index_t row, index_t column, index_t cols) const {
    for (index_t i = 0; i < tile.rows; ++i) {
      const index_t first = (row + i) * cols + column;
      const row_numbers numbers{tile.data + i * tile.ld, first, 16 * cols};
      lanes<After, Target, row_numbers>{frame, target, &numbers, {}, scale, key}(first, first + tile.cols);
    }
  }
};

}  // namespace mango::inline MANGO_ABI::detail
