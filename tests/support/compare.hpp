#pragma once
// How far two floats are apart, and where two arrays first differ.
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>

namespace support {

/// The bound u on the relative error of one rounding to float.
inline constexpr double unit = 0x1p-24;

inline std::uint32_t bits_of(float x) { return std::bit_cast<std::uint32_t>(x); }

/// Floats between a and b, counted along the number line: 0 for equal ones and for -0 and +0.
inline std::int64_t ulps_apart(float a, float b) {
  const auto place = [](float x) {
    const auto bits = static_cast<std::int64_t>(bits_of(x));
    return bits & 0x80000000 ? 0x80000000 - bits : bits;
  };
  return std::abs(place(a) - place(b));
}

/// The first position at which the bytes of two arrays of one length differ, or -1. NaNs are equal to themselves.
template <class T> std::ptrdiff_t first_difference(std::span<const T> a, std::span<const T> b) {
  if (a.size() != b.size()) return 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (std::memcmp(&a[i], &b[i], sizeof(T)) != 0) return static_cast<std::ptrdiff_t>(i);
  return -1;
}
template <class A, class B> std::ptrdiff_t first_difference(const A& a, const B& b) {
  return first_difference<typename A::value_type>(std::span<const typename A::value_type>(a),
                                                  std::span<const typename A::value_type>(b));
}

/// |got - expected| as a share of `scale`: below 1 means within a tolerance of that size. NaN counts as infinite.
inline double error_in(double got, double expected, double scale) {
  const double error = std::abs(got - expected);
  if (error == 0) return 0;
  return error <= scale * 1e300 ? error / scale : std::numeric_limits<double>::infinity();
}

/// The largest of many errors, and where it occurred.
struct worst {
  double error = 0;
  std::ptrdiff_t at = -1;
  void add(double got, double expected, double scale, std::ptrdiff_t i) {
    const double e = error_in(got, expected, scale);
    if (e > error) *this = {e, i};
  }
};

}  // namespace support
