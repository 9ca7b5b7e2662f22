#pragma once
// The read-only pass over gradients: is every one finite, and what is the sum of their squares.
#include <utility>

#include "mango/core/access.hpp"
#include "mango/core/finite.hpp"

namespace mango::inline MANGO_ABI {

/// What one chunk, one tensor or one step of gradients amounts to.
struct tally {
  double squared_norm = 0;
  bool nonfinite = false;
};

namespace detail {
MANGO_HOST_INLINE void note_nonfinite(packet::mask& seen, packet::bits x) {
  seen |= (x & exponent_bits) == exponent_bits;
}
inline bool any(const packet::mask& m) {
#if MANGO_LANES > 1
  int all = 0;
  for (int i = 0; i < packet::lanes; ++i) all |= m[i];
  return all != 0;
#else
  return m;
#endif
}
#if MANGO_LANES > 1
// half a packet in double precision, which is a register again
typedef double half_doubles __attribute__((vector_size(4 * MANGO_LANES)));
typedef double unaligned_doubles __attribute__((vector_size(4 * MANGO_LANES), aligned(8), may_alias));
template <std::size_t First, std::size_t... I>
MANGO_HOST_INLINE half_doubles half_of(const packet& x, std::index_sequence<I...>) {
  const auto half = __builtin_shufflevector(x.v, x.v, (First + I)...);
#if MANGO_LANES == 16 && !defined(__clang__)  // g++ 12 converts in quarters and joins them
  return __builtin_ia32_cvtps2pd512_mask(half, half_doubles{}, static_cast<char>(-1), 4);  // 4: as now
#elif MANGO_LANES == 8 && defined(__AVX__) && !defined(__clang__)
  return __builtin_ia32_cvtps2pd256(half);
#else
  return __builtin_convertvector(half, half_doubles);
#endif
}
inline constexpr std::size_t half_lanes = MANGO_LANES / 2;
template <std::size_t First> MANGO_HOST_INLINE half_doubles half_of(const packet& x) {
  return half_of<First>(x, std::make_index_sequence<half_lanes>{});
}
// sum[i] += x[i]
MANGO_HOST_INLINE void add_to_doubles(double* sum, const packet& x) {
  unaligned_doubles* low = reinterpret_cast<unaligned_doubles*>(sum);  // auto would forget the alignment
  unaligned_doubles* high = reinterpret_cast<unaligned_doubles*>(sum + half_lanes);
  *low = *low + half_of<0>(x);
  *high = *high + half_of<half_lanes>(x);
}
// all lanes, halves first
template <class V, std::size_t... I> MANGO_HOST_INLINE double sum_halves(V x, std::index_sequence<I...>) {
  constexpr std::size_t n = sizeof...(I);
  if constexpr (n == 1) return x[0] + x[1];
  else
    return sum_halves(__builtin_shufflevector(x, x, I...) + __builtin_shufflevector(x, x, (n + I)...),
                      std::make_index_sequence<n / 2>{});
}
MANGO_HOST_INLINE double sum(const packet& x) {
  return sum_halves(half_of<0>(x) + half_of<half_lanes>(x), std::make_index_sequence<half_lanes / 2>{});
}
#else
inline void add_to_doubles(double* sum, const packet& x) { *sum += static_cast<double>(x.v); }
inline double sum(const packet& x) { return static_cast<double>(x.v); }
#endif
}  // namespace detail

/// True when an element of x[begin, end) is NaN or infinite. Holds under -ffast-math.
template <class E> bool has_nonfinite(const E* x, index_t begin, index_t end) noexcept {
  packet::mask seen[4] = {};
  index_t i = begin;
  for (; i + 4 * packet::lanes <= end; i += 4 * packet::lanes) MANGO_UNROLL_4
  for (int k = 0; k < 4; ++k) detail::note_nonfinite(seen[k], load_bits(x + i + k * packet::lanes));
  bool bad = detail::any(seen[0]) || detail::any(seen[1]) || detail::any(seen[2]) || detail::any(seen[3]);
  for (; i < end; ++i) bad = bad || is_nonfinite(x + i);
  return bad;
}

/// The first non-finite element of x[0, n), or n.
template <class E> index_t first_nonfinite(const E* x, index_t n) noexcept {
  index_t i = 0;
  while (i < n && !is_nonfinite(x + i)) ++i;
  return i;
}

/// The same of n floats or numbers of 16 bits.
inline index_t first_nonfinite(const void* x, dtype type, index_t n) noexcept {
  const auto first = [n](const auto* numbers) {
    return has_nonfinite(numbers, 0, n) ? first_nonfinite(numbers, n) : n;
  };
  if (type == dtype::bf16) return first(static_cast<const bfloat16*>(x));
  if (type == dtype::f16) return first(static_cast<const float16*>(x));
  return first(static_cast<const float*>(x));
}

namespace detail {
// sum of (scale x)^2 over a block, divided by scale^2; in float, four packets wide
template <class G> double block_norm(const G* g, index_t begin, index_t end, float scale) noexcept {
  packet acc[4] = {0.0f, 0.0f, 0.0f, 0.0f};
  index_t i = begin;
  for (; i + 4 * packet::lanes <= end; i += 4 * packet::lanes) MANGO_UNROLL_4
  for (int k = 0; k < 4; ++k) {
    const packet x = load(g, whole{i + k * packet::lanes}) * scale;
    acc[k] += x * x;
  }
  double total = sum((acc[0] + acc[1]) + (acc[2] + acc[3]));
  for (; i < end; ++i) {
    const double x = static_cast<double>(load(g, one{i})) * static_cast<double>(scale);
    total += x * x;
  }
  return total / (static_cast<double>(scale) * static_cast<double>(scale));
}
}  // namespace detail

/// Sum of squares of g[begin, end): float within blocks of 1024, which are added in double, in order. A block whose
/// squares leave the range of float is summed again, scaled by 2^-100 or 2^100: no finite gradient is lost.
template <class G> double squared_norm(const G* g, index_t begin, index_t end) noexcept {
  constexpr index_t block = 1024;
  double total = 0;
  for (index_t b = begin; b < end; b += block) {
    const index_t stop = end - b < block ? end : b + block;
    double sum = detail::block_norm(g, b, stop, 1.0f);
    if (is_nonfinite(sum)) sum = detail::block_norm(g, b, stop, 0x1p-100f);
    else if (sum < 1e-25) sum = detail::block_norm(g, b, stop, 0x1p100f);
    total += sum;
  }
  return total;
}

/// Tallies g[begin, end) in one read: a block stays in cache between its two halves.
template <class G> tally tally_range(const G* g, index_t begin, index_t end) noexcept {
  constexpr index_t block = 4096;
  tally t;
  for (index_t b = begin; b < end; b += block) {
    const index_t stop = end - b < block ? end : b + block;
    t.nonfinite = t.nonfinite || has_nonfinite(g, b, stop);
    t.squared_norm += squared_norm(g, b, stop);
  }
  return t;
}

}  // namespace mango
