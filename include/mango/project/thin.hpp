#pragma once
// Products with a few vectors: a step with them costs what reading the matrix costs, and no packing of a general
// product is worth it. Four rows of the matrix meet four vectors at a time, in registers.
#include "mango/core/access.hpp"
#include "mango/core/view.hpp"
#include "mango/pass/tally.hpp"

namespace mango::inline MANGO_ABI {

/// The most vectors that count as few: about where arithmetic takes as long as memory.
inline constexpr index_t thin_rank = 16;
/// How far ahead of the row at hand the matrix is asked for, in elements.
inline constexpr index_t thin_prefetch = 256;
/// Columns that few vectors are summed over at a time.
inline constexpr index_t thin_block = 512;

namespace detail {

// f(integral_constant of n) for n of 1, 2, 3, 4
template <class F> void with_few(index_t n, const F& f) {
  if (n == 4) f(std::integral_constant<int, 4>{});
  else if (n == 3) f(std::integral_constant<int, 3>{});
  else if (n == 2) f(std::integral_constant<int, 2>{});
  else f(std::integral_constant<int, 1>{});
}

// c(i,k) = a(i,:) . b(k,:) for R rows and K vectors; `first`: these rows come from memory
template <int R, int K, class E>
MANGO_HOST_INLINE void dot_block(const E* a, index_t lda, const float* b, index_t ldb, index_t n, float* c, index_t ldc,
                                 bool first) {
  packet sum[static_cast<std::size_t>(R)][static_cast<std::size_t>(K)];
  MANGO_UNROLL_4
  for (auto& row : sum) MANGO_UNROLL_4
  for (auto& x : row) x = packet(0.0f);
  const auto add = [&](auto at) {
    packet y[static_cast<std::size_t>(K)];
    MANGO_UNROLL_4
    for (int k = 0; k < K; ++k) y[k] = load(b + k * ldb, at);
    MANGO_UNROLL_4
    for (int r = 0; r < R; ++r) {
      const packet x = load(a + r * lda, at);
      MANGO_UNROLL_4
      for (int k = 0; k < K; ++k) sum[r][k] += x * y[k];
    }
  };
  index_t j = 0;
  for (; j + packet::lanes <= n; j += packet::lanes) {
    if (first) MANGO_UNROLL_4
    for (int r = 0; r < R; ++r) __builtin_prefetch(a + r * lda + j + thin_prefetch);
    add(whole{j});
  }
  if (j < n) add(part_of{j, static_cast<int>(n - j)});
  MANGO_UNROLL_4
  for (int r = 0; r < R; ++r) MANGO_UNROLL_4
  for (int k = 0; k < K; ++k) c[r * ldc + k] = static_cast<float>(detail::sum(sum[r][k]));
}

// b(k,:) += sum_i c(i,k) a(i,:) for R rows and K vectors, whose weights c(i,k) are `row` and `column` apart
template <int R, int K, class E>
MANGO_HOST_INLINE void combine_block(const E* a, index_t lda, const float* c, index_t row, index_t column, index_t n,
                                     float* b, index_t ldb) {
  packet w[static_cast<std::size_t>(R)][static_cast<std::size_t>(K)];
  MANGO_UNROLL_4
  for (int r = 0; r < R; ++r) MANGO_UNROLL_4
  for (int k = 0; k < K; ++k) w[r][k] = packet(c[r * row + k * column]);
  const auto add = [&](auto at) {
    packet x[static_cast<std::size_t>(R)];
    MANGO_UNROLL_4
    for (int r = 0; r < R; ++r) x[r] = load(a + r * lda, at);
    MANGO_UNROLL_4
    for (int k = 0; k < K; ++k) {
      packet y = load(static_cast<const float*>(b + k * ldb), at);
      MANGO_UNROLL_4
      for (int r = 0; r < R; ++r) y += x[r] * w[r][k];
      save(b + k * ldb, at, y);
    }
  };
  index_t j = 0;
  for (; j + packet::lanes <= n; j += packet::lanes) add(whole{j});
  if (j < n) add(part_of{j, static_cast<int>(n - j)});
}

// f(rows as a constant, vectors as a constant, first row, first vector) for blocks of up to four by four
template <class F> void each_block(index_t rows, index_t vectors, const F& f) {
  for (index_t i = 0; i < rows; i += 4)
    with_few(rows - i < 4 ? rows - i : 4, [&](auto r) {
      for (index_t k = 0; k < vectors; k += 4)
        with_few(vectors - k < 4 ? vectors - k : 4, [&](auto v) { f(r, v, i, k); });
    });
}

}  // namespace detail

/// C <- A B^T for an A of any gradient's type and few vectors, B's rows.
template <class E>
void thin_dots(const matrix_view<const E>& a, const matrix_view<const float>& b, const matrix_view<float>& c) {
  detail::each_block(a.rows, b.rows, [&](auto r, auto v, index_t i, index_t k) {
    detail::dot_block<r(), v()>(a.data + i * a.ld, a.ld, b.data + k * b.ld, b.ld, a.cols, c.data + i * c.ld + k, c.ld,
                                k == 0);
  });
}

/// B <- B + C^T A for few columns of C, or C few rows of what it multiplies: weight (i, k) is at c[i row + k column].
template <class E>
void thin_combine(const matrix_view<const E>& a, const float* c, index_t row, index_t column,
                  const matrix_view<float>& b) {
  for (index_t j = 0; j < a.cols; j += thin_block) {  // as many columns of B as the first-level cache holds
    const index_t n = a.cols - j < thin_block ? a.cols - j : thin_block;
    detail::each_block(a.rows, b.rows, [&](auto r, auto v, index_t i, index_t k) {
      detail::combine_block<r(), v()>(a.data + i * a.ld + j, a.ld, c + i * row + k * column, row, column, n,
                                      b.data + k * b.ld + j, b.ld);
    });
  }
}

}  // namespace mango
