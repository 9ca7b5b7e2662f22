#pragma once
// Between float and IEEE half, on bit patterns: the same code converts one number or a vector of them, and neither
// flushing of subnormals nor missing instructions change a bit.
#include <concepts>

#include "mango/core/finite.hpp"

namespace mango::inline MANGO_ABI {

/// The largest half, 65504.
inline constexpr float largest_half = 65504.0f;

namespace detail {
// the floats whose patterns `Bits` is
template <class Bits> struct floats_of;
template <> struct floats_of<std::uint32_t> { using type = float; };
template <class Bits> MANGO_HD constexpr auto as_floats(Bits x) {
  return __builtin_bit_cast(typename floats_of<Bits>::type, x);
}

// patterns of floats at and above the smallest normal half are 2^13 times those of halves, and this more
inline constexpr std::uint32_t half_offset = 112u << 23, smallest_normal_half = 113u << 23;
// an infinity or a NaN, quieted, of this magnitude
template <class Bits> MANGO_HD constexpr Bits nonfinite_half(Bits magnitude) {
  const Bits payload = ((magnitude & 0x7fffffu) >> 13) | 0x200u;
  return 0x7c00u | (magnitude == exponent_bits ? Bits{} : payload);
}
template <class Bits> MANGO_HD constexpr Bits with_sign_of(Bits x, Bits half) { return half | (x >> 16 & 0x8000u); }
// x as a multiple of 2^-40, for 0 <= x < 2^-14
template <class Bits> MANGO_HD constexpr Bits fixed_point(Bits x) {
  const auto scaled = as_floats(x) * 0x1p40f;
  if constexpr (std::same_as<Bits, std::uint32_t>) return static_cast<std::uint32_t>(scaled);
  else return __builtin_bit_cast(Bits, __builtin_convertvector(scaled, decltype(x < x)));
}
}  // namespace detail

/// The numbers that halves stand for, exactly, as patterns of floats. `Bits` is uint32_t or a vector of it, with a half
/// in the lower 16 bits.
template <class Bits> MANGO_HD constexpr Bits widen_half_bits(Bits x) {
  const Bits magnitude = x & 0x7fffu, pattern = magnitude << 13;
  const auto subnormal = detail::as_floats(pattern + detail::smallest_normal_half) -
                         __builtin_bit_cast(float, detail::smallest_normal_half);
  const Bits normal = pattern + detail::half_offset + (magnitude < 0x7c00u ? Bits{} : Bits{} + detail::half_offset);
  return (magnitude < 0x400u ? __builtin_bit_cast(Bits, subnormal) : normal) | (x & 0x8000u) << 16;
}

/// The nearest halves, ties to even. NaN stays NaN (quieted); from 65520 on it is an infinity, as IEEE 754 says.
template <class Bits> MANGO_HD constexpr Bits nearest_half_bits(Bits x) {
  const Bits magnitude = x & 0x7fffffffu;
  const Bits normal = (magnitude - detail::half_offset + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
  // the last place of the numbers from 1/2 on is that of subnormal halves
  const Bits subnormal = __builtin_bit_cast(Bits, detail::as_floats(magnitude) + 0.5f) - 0x3f000000u;
  const Bits finite = magnitude < detail::smallest_normal_half ? subnormal
                      : normal < 0x7c00u                       ? normal
                                                               : Bits{} + 0x7c00u;
  return detail::with_sign_of(x, magnitude < exponent_bits ? finite : detail::nonfinite_half(magnitude));
}

/// Neighbouring halves, chosen by noise that is uniform in [0, 2^16), so that the mean of many roundings is x; of a
/// subnormal the part below 2^-40 is cut off first. A finite number stays finite: above 65504 it has one neighbour.
template <class Bits> MANGO_HD constexpr Bits stochastic_half_bits(Bits x, Bits noise) {
  const Bits magnitude = x & 0x7fffffffu;
  const Bits normal = (magnitude - detail::half_offset + (noise >> 3)) >> 13;
  const Bits small = magnitude < detail::smallest_normal_half ? magnitude : Bits{};
  const Bits subnormal = (detail::fixed_point(small) + noise) >> 16;
  const Bits finite = magnitude < detail::smallest_normal_half ? subnormal
                      : normal < 0x7bffu                       ? normal
                                                               : Bits{} + 0x7bffu;
  return detail::with_sign_of(x, magnitude < exponent_bits ? finite : detail::nonfinite_half(magnitude));
}

/// The number that a half stands for, exactly.
MANGO_HD constexpr float to_float(float16 x) {
  return __builtin_bit_cast(float, widen_half_bits(std::uint32_t{x.bits}));
}

/// The least half that is at least x, for 0 <= x <= 65504: a scale must not be below what it scales.
MANGO_HD constexpr float16 round_up(float x) {
  const auto pattern = __builtin_bit_cast(std::uint32_t, x);
  if (pattern >= detail::smallest_normal_half)
    return {static_cast<std::uint16_t>((pattern - detail::half_offset + 0x1fffu) >> 13)};
  // below the smallest normal half: multiples of 2^-24, by shifting the significand to where that is its unit
  if (pattern == 0) return {};
  const std::uint32_t exponent = pattern >> 23, significand = (pattern & 0x7fffffu) | 0x800000u;
  const std::uint32_t shift = 126u - exponent;  // 14 ... 126
  return {static_cast<std::uint16_t>(exponent == 0 || shift > 24u ? 1u : (significand + (1u << shift) - 1u) >> shift)};
}

}  // namespace mango
