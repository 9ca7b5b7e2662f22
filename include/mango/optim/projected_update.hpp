#pragma once
// The weights' side of a projected step: W moves by scale P N, which is never kept whole.
#include "mango/optim/projected_state.hpp"

namespace mango::inline MANGO_ABI::detail {

/// What is brought back at a time: a tile of rows that stays in cache.
inline constexpr index_t thin_tile_rows = 4, thin_ahead = 16, wide_tile_rows = 64, wide_tile_columns = 256;

/// Rows of weights that one piece of work has: 64, or more if they are short.
constexpr index_t projected_rows(const projection& p) {
  const index_t rows = (chunk_elements / 4 / p.cols + 3) / 4 * 4;
  return rows > wide_tile_rows ? rows : wide_tile_rows;
}

/// Numbers of one row, which is elements [first, ...) of its tensor.
struct row_numbers {
  const float* at;
  index_t first, ahead;  // the weights that far on are asked for
  template <class At> MANGO_HOST_INLINE auto number(At i) const {
    i.i -= first;
    return load(at, i);
  }
};

/// The same, divided.
struct divided_numbers {
  row_numbers numbers;
  const float* column;
  index_t row_begin;  // the element where its row of weights begins
  float row, eps;
  template <class At> MANGO_HOST_INLINE auto number(At i) const {
    const auto x = numbers.number(i);
    i.i -= row_begin;
    return x / (math::sqrt(load(column, i) * row) + eps);
  }
};

template <class After, class Target, class Backend, bool Divides> struct projected_update {
  const Backend& on;
  const typename After::frame& frame;
  row_column_divisor divisor;
  Target target;
  float scale;
  philox_key key;

  /// Rows [begin, end): W <- after(W, scale C B), C m x r and B r x n.
  void operator()(const projection& p, const float* tall, const float* flat, index_t begin, index_t end) const {
    const matrix_view<const float> b{flat, p.rank, p.cols, p.cols};
    const auto some = [&](index_t from, index_t to) {
      return matrix_view<const float>{tall + from * p.rank, to - from, p.rank, p.rank};
    };
    if (p.rank <= thin_rank && p.cols <= thin_block) expand_short(some(begin, end), b, begin);
    else if (p.rank <= thin_rank) expand_thin(some(begin, end), b, begin);
    else
      for (index_t i = begin; i < end; i += wide_tile_rows)
        expand_wide(some(i, i + wide_tile_rows < end ? i + wide_tile_rows : end), b, i);
  }

 private:
  // whole rows, one after the other in memory
  void expand_short(const matrix_view<const float>& c, const matrix_view<const float>& b, index_t begin) const {
    float some[thin_tile_rows * thin_block];
    const index_t fit = thin_tile_rows * thin_block / b.cols;
    for (index_t i = 0; i < c.rows; i += fit) {
      const index_t rows = c.rows - i < fit ? c.rows - i : fit, n = rows * b.cols, first = (begin + i) * b.cols;
      if (b.rows == 1) {
        outer_product(c.data + i, rows, b.data, b.cols, some);
      } else {
        std::memset(some, 0, static_cast<std::size_t>(n) * sizeof(float));
        thin_combine(b, c.data + i * c.ld, 1, c.ld, matrix_view<float>{some, rows, b.cols, b.cols});
      }
      move_numbers({some, first, n}, n);
    }
  }
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
    float some[wide_tile_rows * wide_tile_columns];
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
      move_numbers({tile.data + i * tile.ld, first, thin_ahead * cols}, tile.cols);
    }
  }
  // weights that lie one after the other
  void move_numbers(const row_numbers& numbers, index_t count) const {
    if (!Divides || divisor.length == 0) {
      lanes<After, Target, row_numbers>{frame, target, &numbers, {}, scale, key}(numbers.first, numbers.first + count);
    } else if constexpr (Divides) {
      for (index_t at = numbers.first, end = at + count; at < end;) {
        const index_t row = at / divisor.length, begin = row * divisor.length, next = begin + divisor.length;
        const divided_numbers divided{numbers, divisor.column, begin, divisor.row[row] * divisor.factor, divisor.eps};
        const index_t stop = next < end ? next : end;
        lanes<After, Target, divided_numbers>{frame, target, &divided, {}, scale, key}(at, stop);
        at = stop;
      }
    }
  }
};

}  // namespace mango::inline MANGO_ABI::detail
