#pragma once
// Between float and IEEE half, on integers: neither flushing of subnormals nor missing instructions change a bit.
#include "mango/core/round.hpp"

namespace mango::inline MANGO_ABI {

/// The largest half, 65504.
inline constexpr float largest_half = 65504.0f;

/// The number that a half stands for, exactly; it is finite.
MANGO_HD constexpr float to_float(float16 x) {
  const std::uint32_t magnitude = x.bits & 0x7fffu, sign = static_cast<std::uint32_t>(x.bits & 0x8000u) << 16;
  const float subnormal = static_cast<float>(magnitude) * 0x1p-24f;
  const std::uint32_t pattern =
      magnitude < 0x400u ? __builtin_bit_cast(std::uint32_t, subnormal) : (magnitude << 13) + (112u << 23);
  return __builtin_bit_cast(float, pattern | sign);
}

/// The least half that is at least x, for 0 <= x <= 65504: a scale must not be below what it scales.
MANGO_HD constexpr float16 round_up(float x) {
  const auto pattern = __builtin_bit_cast(std::uint32_t, x);
  if (pattern >= 113u << 23) return {static_cast<std::uint16_t>((pattern - (112u << 23) + 0x1fffu) >> 13)};
  // below the smallest normal half: multiples of 2^-24, by shifting the significand to where that is its unit
  if (pattern == 0) return {};
  const std::uint32_t exponent = pattern >> 23, significand = (pattern & 0x7fffffu) | 0x800000u;
  const std::uint32_t shift = 126u - exponent;  // 14 ... 126
  return {static_cast<std::uint16_t>(exponent == 0 || shift > 24u ? 1u : (significand + (1u << shift) - 1u) >> shift)};
}

}  // namespace mango
