#pragma once
// What a block's scale is found from: its largest magnitude, and numbers that are none.
#include "mango/core/finite.hpp"
#include "mango/core/integers.hpp"

namespace mango::inline MANGO_ABI::detail {

inline constexpr std::int32_t infinite_pattern = static_cast<std::int32_t>(exponent_bits);

struct magnitudes {
  std::int32_t largest;  // its pattern: as integers, magnitudes are ordered as
                         // the numbers are, NaN and infinity last
  int nonfinite;
};

// The first `here` of N numbers with magnitudes below the pattern `too_large`, and 0 for all others; those past `here`
// are not read
template <std::size_t N, class T> MANGO_HD magnitudes keep_finite(const T* x, int here, std::int32_t too_large, T* to) {
  magnitudes seen{0, 0};
  for (std::size_t k = 0; k < N; ++k) {
    const bool exists = static_cast<int>(k) < here;
    const T value = exists ? x[k] : T(0.0f);
    const std::uint32_t magnitude = to_bits(value) & 0x7fffffffu;
    const bool finite = as_ints(magnitude) < too_large;
    to[k] = finite ? value : T(0.0f);
    if (finite && as_ints(magnitude) > seen.largest) seen.largest = as_ints(magnitude);
    seen.nonfinite += !finite;
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

// The same for any n, out of the way of what is finite
__attribute__((noinline, cold)) inline magnitudes keep_finite(const float* x, int here, int n, std::int32_t too_large,
                                                              float* to) {
  magnitudes seen{0, 0};
  for (int i = 0; i < n; ++i) {
    const magnitudes of_one = keep_finite<1>(x + i, here - i, too_large, to + i);
    if (of_one.largest > seen.largest) seen.largest = of_one.largest;
    seen.nonfinite += of_one.nonfinite;
  }
  return seen;
}
#endif

}  // namespace mango::inline MANGO_ABI::detail
