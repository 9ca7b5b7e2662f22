#pragma once
// One vector and many short slices, one after the other in memory: VLoRP at rank 1, at the speed of memory.
#include <utility>

#include "mango/core/access.hpp"
#include "mango/core/view.hpp"

namespace mango::inline MANGO_ABI {

/// The longest slice that is summed so, in numbers.
inline constexpr index_t slice_most = 256;
/// How far ahead slices are asked for, in numbers.
inline constexpr index_t slice_prefetch = 1024;

namespace detail {

#if MANGO_LANES > 1
// neighbours of a and then of b, added
template <std::size_t... I> MANGO_HOST_INLINE packet add_neighbours(packet a, packet b, std::index_sequence<I...>) {
  return packet(__builtin_shufflevector(a.v, b.v, (2 * I)...)) +
         packet(__builtin_shufflevector(a.v, b.v, (2 * I + 1)...));
}
#endif
/// Lane l of the result is the sum of x[l]'s lanes.
MANGO_HOST_INLINE packet sum_each(packet (&x)[packet::lanes]) {
#if MANGO_LANES > 1
  for (int n = packet::lanes / 2; n > 0; n /= 2)
    for (int i = 0; i < n; ++i) x[i] = add_neighbours(x[2 * i], x[2 * i + 1], std::make_index_sequence<MANGO_LANES>{});
#endif
  return x[0];
}

}  // namespace detail

/// c[i] <- a(i, :) . b for rows that follow each other in memory, each some packets long.
template <class E> void slice_dots(const matrix_view<const E>& a, const float* b, float* c) {
  const auto slice = [&](index_t i) {
    const E* const x = a.data + i * a.cols;
    packet sum = load(x, whole{0}) * load(b, whole{0});
    for (index_t j = packet::lanes; j < a.cols; j += packet::lanes) sum += load(x, whole{j}) * load(b, whole{j});
    return sum;
  };
  index_t i = 0;
  for (; i + packet::lanes <= a.rows; i += packet::lanes) {
    packet each[packet::lanes];
    for (int k = 0; k < packet::lanes; ++k) {
      __builtin_prefetch(a.data + (i + k) * a.cols + slice_prefetch);
      each[k] = slice(i + k);
    }
    save(c, whole{i}, detail::sum_each(each));
  }
  if (i == a.rows) return;
  packet each[packet::lanes];
  for (int k = 0; k < packet::lanes; ++k) each[k] = i + k < a.rows ? slice(i + k) : packet(0.0f);
  save(c, part_of{i, static_cast<int>(a.rows - i)}, detail::sum_each(each));
}

/// to <- c b^T, row after row.
inline void outer_product(const float* c, index_t rows, const float* b, index_t cols, float* to) {
  for (index_t i = 0; i < rows; ++i) {
    const packet x(c[i]);
    index_t j = 0;
    for (; j + packet::lanes <= cols; j += packet::lanes) save(to + i * cols, whole{j}, load(b, whole{j}) * x);
    for (; j < cols; ++j) to[i * cols + j] = b[j] * c[i];
  }
}

}  // namespace mango
