#pragma once
// Is it a number? The only place that asks. Under -ffast-math a compiler may assume that no float is NaN or infinite
// and fold every test of one away, std::isfinite and x != x included. Integers are not covered by that assumption: so
// values in memory are loaded as integers, and computed values pass through a volatile integer.
#include <cstring>

#include "mango/core/types.hpp"

namespace mango::inline MANGO_ABI {

/// The exponent bits of a float; all of them set means NaN or infinity.
inline constexpr std::uint32_t exponent_bits = 0x7f800000u;
/// The same for bfloat16.
inline constexpr std::uint16_t bfloat16_exponent_bits = 0x7f80u;
/// The same for float16.
inline constexpr std::uint16_t float16_exponent_bits = 0x7c00u;

/// True when the float in memory is NaN or infinite.
inline bool is_nonfinite(const float* x) noexcept {
  std::uint32_t bits;
  std::memcpy(&bits, x, sizeof bits);
  return (bits & exponent_bits) == exponent_bits;
}
inline bool is_nonfinite(const bfloat16* x) noexcept {
  return (x->bits & bfloat16_exponent_bits) == bfloat16_exponent_bits;
}
inline bool is_nonfinite(const float16* x) noexcept {
  return (x->bits & float16_exponent_bits) == float16_exponent_bits;
}

/// True when a computed value is NaN or infinite.
inline bool is_nonfinite(double x) noexcept {
  union {
    double value;
    std::uint64_t bits;
  } both;
  both.value = x;
  volatile std::uint64_t bits = both.bits;
  return (bits & 0x7ff0000000000000u) == 0x7ff0000000000000u;
}
inline bool is_nonfinite(float x) noexcept {
  union {
    float value;
    std::uint32_t bits;
  } both;
  both.value = x;
  volatile std::uint32_t bits = both.bits;
  return (bits & exponent_bits) == exponent_bits;
}

}  // namespace mango
