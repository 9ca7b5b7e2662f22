#pragma once
// The integers beside a number: bit patterns, codes and truncation for a T that is float or packet, so that one source
// quantises either, and to the same bits: a product here is rounded, where others may be fused into a sum.
#include <utility>

#include "mango/core/access.hpp"

namespace mango::inline MANGO_ABI {

namespace detail {
template <class T> struct integers_of {
  using bits = std::uint32_t;
  using ints = std::int32_t;
  static constexpr int lanes = 1;
};
#if MANGO_LANES > 1
template <> struct integers_of<packet> {
  using bits = packet::bits;
  using ints = packet::mask;
  static constexpr int lanes = packet::lanes;
};
#endif
}  // namespace detail

/// The unsigned integers that are as wide as a T: patterns, and 16 random bits per lane.
template <class T> using number_bits = typename detail::integers_of<T>::bits;
/// The signed ones.
template <class T> using number_ints = typename detail::integers_of<T>::ints;
/// Numbers in a T: 1, or packet::lanes.
template <class T> inline constexpr int lanes_per = detail::integers_of<T>::lanes;

/// The same bits, seen as signed and as unsigned integers.
MANGO_HD std::int32_t as_ints(std::uint32_t x) { return static_cast<std::int32_t>(x); }
MANGO_HD std::uint32_t as_bits(std::int32_t x) { return static_cast<std::uint32_t>(x); }
/// The integer part of a number below 2^31 in magnitude.
MANGO_HD std::int32_t truncate(float x) { return static_cast<std::int32_t>(x); }
/// The number that an integer below 2^24 in magnitude is.
template <class T> MANGO_HD T to_number(std::int32_t x) { return T(static_cast<float>(x)); }

/// a * b, rounded: it never becomes half of a fused multiply-add.
MANGO_HD float product(float a, float b) {
#if defined(__CUDA_ARCH__)
  return __fmul_rn(a, b);
#else
  float x = a * b;
#if defined(__x86_64__) || defined(__i386__)
  __asm__("" : "+x"(x));
#elif defined(__aarch64__)
  __asm__("" : "+w"(x));
#endif
  return x;
#endif
}

#if MANGO_LANES > 1
MANGO_INLINE packet::mask as_ints(packet::bits x) { return __builtin_bit_cast(packet::mask, x); }
MANGO_INLINE packet::bits as_bits(packet::mask x) { return __builtin_bit_cast(packet::bits, x); }
MANGO_INLINE packet::mask truncate(packet x) { return __builtin_convertvector(x.v, packet::mask); }
template <class T> MANGO_INLINE packet to_number(packet::mask x) { return __builtin_convertvector(x, packet::floats); }
MANGO_INLINE packet product(packet a, packet b) {
  packet::floats x = a.v * b.v;
#if defined(__AVX512F__)
  __asm__("" : "+v"(x));
#elif defined(__SSE2__) && (MANGO_LANES == 4 || defined(__AVX__))
  __asm__("" : "+x"(x));
#elif defined(__aarch64__)
  __asm__("" : "+w"(x));
#endif
  return x;
}

namespace detail {
template <int Apart, std::size_t... I> MANGO_INLINE packet::mask exchange(packet::mask x, std::index_sequence<I...>) {
  return __builtin_shufflevector(x, x, (static_cast<int>(I) ^ Apart)...);
}
template <int Apart> MANGO_INLINE packet::mask fold_largest(packet::mask x) {
  const packet::mask other = exchange<Apart>(x, std::make_index_sequence<MANGO_LANES>{});
  x = x > other ? x : other;
  if constexpr (Apart > 1) return fold_largest<Apart / 2>(x);
  else return x;
}
}  // namespace detail

/// The largest lane.
MANGO_INLINE std::int32_t largest(packet::mask x) { return detail::fold_largest<MANGO_LANES / 2>(x)[0]; }
#else
MANGO_HD std::int32_t truncate(packet x) { return static_cast<std::int32_t>(x.v); }
MANGO_HD packet product(packet a, packet b) { return product(a.v, b.v); }
#endif
MANGO_HD std::int32_t largest(std::int32_t x) { return x; }

/// Integers cut off at a bound.
template <class I> MANGO_HD I at_least(I x, std::int32_t bound) {
  const I least = I{} + bound;
  return x > least ? x : least;
}
template <class I> MANGO_HD I at_most(I x, std::int32_t bound) {
  const I most = I{} + bound;
  return x > most ? most : x;
}

/// The T with these bit patterns.
template <class T> MANGO_HD T from_pattern(number_bits<T> x) {
  if constexpr (lanes_per<T> == 1) return T(__builtin_bit_cast(float, x));
  else return from_bits(x);
}

}  // namespace mango
