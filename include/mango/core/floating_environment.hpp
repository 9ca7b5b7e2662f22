#pragma once
// What the processor is told about floats: where they are rounded to, and whether subnormal ones are kept. A program
// sets it, or a library that was linked with -ffast-math.
#include <cfenv>

#include "mango/core/types.hpp"

namespace mango::inline MANGO_ABI {

/// The same steps are the same bits where these are the same. Of one thread; threads start with that of the one that
/// starts them.
struct floating_environment {
  bool flushed = false;  ///< subnormal results or operands become zero
  bool nearest = true;   ///< rounding to the nearest float, and not in one direction
  friend bool operator==(const floating_environment&, const floating_environment&) = default;

  /// That of the calling thread.
  static floating_environment now() noexcept {
#if defined(__SSE__)
    std::uint32_t bits;
    asm volatile("stmxcsr %0" : "=m"(bits));
    return {(bits & 0x8040u) != 0, (bits & 0x6000u) == 0};
#elif defined(__aarch64__)
    std::uint64_t bits;
    asm volatile("mrs %0, fpcr" : "=r"(bits));
    return {(bits & (1u << 24)) != 0, (bits & (3u << 22)) == 0};
#else
    const volatile float small = 0x1p-140f, one = 1;
    const volatile float kept = small * one;
    return {__builtin_bit_cast(std::uint32_t, static_cast<float>(kept)) == 0, std::fegetround() == FE_TONEAREST};
#endif
  }
  /// "subnormals kept, rounding nearest"
  const char* describe() const noexcept {
    if (nearest) return flushed ? "subnormals flushed, rounding nearest" : "subnormals kept, rounding nearest";
    return flushed ? "subnormals flushed, rounding directed" : "subnormals kept, rounding directed";
  }
};

}  // namespace mango
