#pragma once
// From float to 16 bits and back, on bit patterns: the same code rounds one number or a vector of them. `Bits` is
// uint32_t or a vector of it; `E`, bfloat16 or float16, is in its lower 16 bits.
#include "mango/core/half.hpp"

namespace mango::inline MANGO_ABI {

/// The nearest E, ties to even. NaN stays NaN (quieted), infinity stays infinity; what is beyond the largest E by half
/// of its last place or more is rounded to infinity, as IEEE 754 says.
template <half E = bfloat16, class Bits> MANGO_HD constexpr Bits round_nearest_bits(Bits x) {
  if constexpr (std::same_as<E, float16>) return nearest_half_bits(x);
  else {
    const Bits rounded = (x + 0x7fffu + ((x >> 16) & 1u)) >> 16;
    const Bits kept = (x >> 16) | ((x & 0x7fffffu) == 0u ? Bits{} : Bits{} + 0x40u);
    return (x & exponent_bits) == exponent_bits ? kept : rounded;
  }
}

/// One of the two neighbours of x, by noise that is uniform in [0, 2^16): up with a probability equal to the fraction
/// cut off, so that the mean of many roundings is x. Beyond the largest E a bfloat16 becomes infinite, which is within
/// 2^-8 of where a float does; a float16 does not, which would be at a number that a float has no trouble with.
/// Gupta et al. 2015, section 3, arXiv:1502.02551.
/// Differs: published code adds the noise to NaN and infinity as well, which can turn a NaN into zero; ours keeps them.
template <half E = bfloat16, class Bits> MANGO_HD constexpr Bits round_stochastic_bits(Bits x, Bits noise) {
  if constexpr (std::same_as<E, float16>) return stochastic_half_bits(x, noise);
  else {
    const Bits rounded = (x + noise) >> 16;
    const Bits kept = (x >> 16) | ((x & 0x7fffffu) == 0u ? Bits{} : Bits{} + 0x40u);
    return (x & exponent_bits) == exponent_bits ? kept : rounded;
  }
}

/// The float that an E stands for, exactly, as a pattern.
template <half E, class Bits> MANGO_HD constexpr Bits widen_bits(Bits x) {
  if constexpr (std::same_as<E, float16>) return widen_half_bits(x);
  else return x << 16;
}

/// The number that a bfloat16 stands for, exactly.
MANGO_HD constexpr float to_float(bfloat16 x) {
  return __builtin_bit_cast(float, static_cast<std::uint32_t>(x.bits) << 16);
}
/// A float stands for itself, so that code can be written for either.
MANGO_HD constexpr float to_float(float x) { return x; }

/// The nearest E, ties to even.
template <half E = bfloat16> MANGO_HD constexpr E round_nearest(float x) {
  return {static_cast<std::uint16_t>(round_nearest_bits<E>(__builtin_bit_cast(std::uint32_t, x)))};
}

/// A neighbouring E, chosen by 16 random bits so that the expectation is x.
template <half E = bfloat16> MANGO_HD constexpr E round_stochastic(float x, std::uint32_t noise16) {
  return {static_cast<std::uint16_t>(round_stochastic_bits<E>(__builtin_bit_cast(std::uint32_t, x), noise16))};
}

}  // namespace mango
