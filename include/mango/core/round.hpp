#pragma once
// From float to bfloat16, on bit patterns: the same code rounds one number or a vector of them.
#include "mango/core/finite.hpp"

namespace mango::inline MANGO_ABI {

/// Upper 16 bits of x rounded to nearest, ties to even. `Bits` is uint32_t or a vector of it. NaN stays NaN (quieted),
/// infinity stays infinity; a finite x above the largest bfloat16 rounds to infinity, as IEEE 754 says.
template <class Bits> MANGO_HD constexpr Bits round_nearest_bits(Bits x) {
  const Bits rounded = (x + 0x7fffu + ((x >> 16) & 1u)) >> 16;
  const Bits kept = (x >> 16) | ((x & 0x7fffffu) == 0u ? Bits{} : Bits{} + 0x40u);
  return (x & exponent_bits) == exponent_bits ? kept : rounded;
}

/// Upper 16 bits of x + noise, noise uniform in [0, 2^16): rounds up with probability equal to the fraction cut off, so
/// the mean of many roundings is x. Gupta et al. 2015, section 3, arXiv:1502.02551.
/// Differs: published code adds the noise to NaN and infinity as well, which can turn a NaN into zero; ours keeps them.
template <class Bits> MANGO_HD constexpr Bits round_stochastic_bits(Bits x, Bits noise) {
  const Bits rounded = (x + noise) >> 16;
  const Bits kept = (x >> 16) | ((x & 0x7fffffu) == 0u ? Bits{} : Bits{} + 0x40u);
  return (x & exponent_bits) == exponent_bits ? kept : rounded;
}

/// The number that a bfloat16 stands for, exactly.
MANGO_HD constexpr float to_float(bfloat16 x) {
  return __builtin_bit_cast(float, static_cast<std::uint32_t>(x.bits) << 16);
}
/// A float stands for itself, so that code can be written for either.
MANGO_HD constexpr float to_float(float x) { return x; }

/// The nearest bfloat16, ties to even.
MANGO_HD constexpr bfloat16 round_nearest(float x) {
  return {static_cast<std::uint16_t>(round_nearest_bits(__builtin_bit_cast(std::uint32_t, x)))};
}

/// A neighbouring bfloat16, chosen by 16 random bits so that the expectation is x.
MANGO_HD constexpr bfloat16 round_stochastic(float x, std::uint32_t noise16) {
  return {static_cast<std::uint16_t>(round_stochastic_bits(__builtin_bit_cast(std::uint32_t, x), noise16))};
}

}  // namespace mango
