#pragma once
// The three products of a projection, by a matrix G of any gradient's type that is read once and never copied whole.
// Cut into blocks of fixed size, each of one owner: results do not depend on the number of threads.
#include "mango/project/slices.hpp"
#include "mango/project/thin.hpp"
#include "mango/project/vectors.hpp"

namespace mango::inline MANGO_ABI {

/// Rows of G that one piece of work has: few enough for the second-level cache where the rank is small, enough to be
/// worth the packing of a general product where it is not.
inline constexpr index_t thin_rows = 64, wide_rows = 512;
/// Columns of G that one piece of work has, where sums run over rows.
inline constexpr index_t thin_columns = 1024, wide_columns = 512;

namespace detail {

constexpr index_t pieces(index_t n, index_t each) { return (n + each - 1) / each; }
// f(begin, end) for each piece of [0, n), in parallel
template <class Backend, class F> void each_piece(const Backend& b, index_t n, index_t each, const F& f) {
  b.run(pieces(n, each), [&](index_t k) { f(k * each, (k + 1) * each < n ? (k + 1) * each : n); });
}

inline void clear(const matrix_view<float>& a) {
  for (index_t i = 0; i < a.rows; ++i)
    std::memset(a.data + i * a.ld, 0, static_cast<std::size_t>(a.cols) * sizeof(float));
}

// f(a block of G as floats): G itself, or what a piece of it is widened to, some rows and columns at a time
template <class E, class F> void each_widened(const matrix_view<const E>& g, const F& f) {
  if constexpr (std::same_as<E, float>) f(g, index_t{0}, index_t{0});
  else {
    constexpr index_t side = 64;
    float some[side * side];
    for (index_t i = 0; i < g.rows; i += side)
      for (index_t j = 0; j < g.cols; j += side) {
        const index_t rows = g.rows - i < side ? g.rows - i : side, cols = g.cols - j < side ? g.cols - j : side;
        for (index_t r = 0; r < rows; ++r)
          for (index_t c = 0; c < cols; ++c) some[r * side + c] = to_float(g.data[(i + r) * g.ld + j + c]);
        f(matrix_view<const float>{some, rows, cols, side}, i, j);
      }
  }
}

}  // namespace detail

/// C <- G B^T: rows of G with rows of B. G is m x n, B r x n, C m x r.
template <class Backend, class E>
void dots(const Backend& on, const matrix_view<const E>& g, const matrix_view<const float>& b,
          const matrix_view<float>& c) {
  const bool thin = b.rows <= thin_rank;
  const index_t rows = g.cols < 1024 ? thin_rows * (1024 / g.cols) : thin_rows;  // of short ones more
  detail::each_piece(on, g.rows, thin ? rows : wide_rows, [&](index_t i, index_t end) {
    const auto some = detail::rows_of(g, i, end);
    const auto to = detail::rows_of(c, i, end);
    if (b.rows == 1 && g.ld == g.cols && g.cols % packet::lanes == 0 && g.cols <= slice_most)
      return slice_dots(some, b.data, to.data);
    if (thin) return thin_dots(some, b, to);
    if constexpr (!std::same_as<E, float>) detail::clear(to);
    detail::each_widened(some, [&](const auto& x, index_t row, index_t column) {
      on.template gemm<float>(1, x, false, detail::columns_of(b, column, column + x.cols), true,
                              std::same_as<E, float> ? 0 : 1, detail::rows_of(to, row, row + x.rows));
    });
  });
}

/// B <- C^T G: sums of G's rows. G is m x n, C m x r, B r x n.
template <class Backend, class E>
void combine(const Backend& on, const matrix_view<const E>& g, const matrix_view<const float>& c,
             const matrix_view<float>& b) {
  const bool thin = b.rows <= thin_rank;
  detail::each_piece(on, g.cols, thin ? thin_columns : wide_columns, [&](index_t j, index_t end) {
    const auto some = detail::columns_of(g, j, end);
    const auto to = detail::columns_of(b, j, end);
    detail::clear(to);
    if (thin) return thin_combine(some, c.data, c.ld, 1, to);
    detail::each_widened(some, [&](const auto& x, index_t row, index_t column) {
      on.template gemm<float>(1, detail::rows_of(c, row, row + x.rows), true, x, false, 1,
                              detail::columns_of(to, column, column + x.cols));
    });
  });
}

/// Pieces that thin_square() cuts a matrix into.
inline constexpr index_t thin_pieces = 8;

/// B <- X G^T G for few vectors, G read once: a block of rows is in cache when its products are combined. C <- G X^T
/// on the way. `parts`: thin_pieces times as much as B, the sums of each piece.
template <class Backend, class E>
void thin_square(const Backend& on, const matrix_view<const E>& g, const matrix_view<const float>& x,
                 const matrix_view<float>& c, const matrix_view<float>& b, float* parts) {
  const index_t each = detail::pieces(detail::pieces(g.rows, thin_pieces), 4) * 4, size = b.rows * b.cols;
  const auto part = [&](index_t k) { return matrix_view<float>{parts + k * size, b.rows, b.cols, b.cols}; };
  detail::each_piece(on, g.rows, each, [&](index_t i, index_t end) {
    const auto sum = part(i / each);
    std::memset(sum.data, 0, static_cast<std::size_t>(size) * sizeof(float));
    for (index_t step = 16; i < end; i += step) {
      const index_t next = end - i < step ? end : i + step;
      const auto some = detail::rows_of(g, i, next);
      const auto products = detail::rows_of(c, i, next);
      thin_dots(some, x, products);
      thin_combine(some, products.data, products.ld, 1, sum);
    }
  });
  detail::each_piece(on, b.cols, thin_columns, [&](index_t j, index_t end) {
    for (index_t k = 0; k < b.rows; ++k)
      for (index_t i = j; i < end; ++i) {
        float sum = 0;
        for (index_t p = 0; p < detail::pieces(g.rows, each); ++p) sum += part(p).data[k * b.cols + i];
        b.data[k * b.ld + i] = sum;
      }
  });
}

}  // namespace mango
