#pragma once
// What a block's scale is found from: its largest magnitude, and numbers that are none.
#include "mango/core/finite.hpp"
#include "mango/core/integers.hpp"

namespace mango::inline MANGO_ABI::detail {

inline constexpr std::int32_t infinite_pattern = static_cast<std::int32_t>(exponent_bits);

struct magnitudes {
  std::int32_t largest;  // its pattern: as integers, magnitudes are ordered as the numbers are, NaN and infinity last
  int nonfinite;
};

// One number at a time: the first `here` of x that are finite, and 0 for all others
template <class T, std::size_t N> MANGO_HD magnitudes keep_finite(const T (&x)[N], int here, T (&to)[N]) {
  magnitudes seen{0, 0};
  for (std::size_t k = 0; k < N; ++k) {
    const std::uint32_t magnitude = to_bits(x[k]) & 0x7fffffffu;
    const bool exists = static_cast<int>(k) < here, finite = magnitude < exponent_bits;
    to[k] = exists && finite ? x[k] : T(0.0f);
    if (exists && finite && as_ints(magnitude) > seen.largest) seen.largest = as_ints(magnitude);
    seen.nonfinite += exists && !finite;
  }
  return seen;
}

#if MANGO_LANES > 1
template <std::size_t Packets> MANGO_INLINE std::int32_t largest_pattern(const float* x) {
  packet::mask most{};
  for (std::size_t k = 0; k < Packets; ++k) {
    const packet::mask pattern = as_ints(load_bits(x + k * packet::lanes) & 0x7fffffffu);
    most = pattern > most ? pattern : most;
  }
  return largest(most);
}

// The same for n numbers in memory; those past `here` are not read
__attribute__((noinline, cold)) inline magnitudes keep_finite(const float* x, int here, int n, float* to) {
  magnitudes seen{0, 0};
  for (int i = 0; i < n; ++i) {
    float one[1] = {i < here ? x[i] : 0.0f}, kept[1];
    const magnitudes of_one = keep_finite(one, 1, kept);
    to[i] = kept[0];
    if (of_one.largest > seen.largest) seen.largest = of_one.largest;
    seen.nonfinite += of_one.nonfinite;
  }
  return seen;
}

__attribute__((noinline, cold)) inline void keep_first(float* x, int here, int n) {
  for (int i = here > 0 ? here : 0; i < n; ++i) x[i] = 0.0f;
}
#endif

}  // namespace mango::inline MANGO_ABI::detail
