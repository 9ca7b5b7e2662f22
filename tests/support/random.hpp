#pragma once
// Test data, the same on every machine: a small generator, and the numbers that break things.
#include <bit>
#include <cstdint>
#include <vector>

namespace support {

/// splitmix64 (Steele, Lea & Flood 2014) and what is drawn from it, without libm.
class random {
 public:
  explicit random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  /// 0, ..., n - 1
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(next() % n); }
  /// [0, 1)
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Mean 0, variance 1: the sum of 12 uniform numbers, so within [-6, 6].
  double normal() {
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += uniform();
    return sum;
  }
  /// A random sign and mantissa, and an exponent in [low, high].
  float spread(int low, int high) {
    const auto bits = static_cast<std::uint32_t>(next());
    const auto exponent = static_cast<std::uint32_t>(low + 127) +
                          static_cast<std::uint32_t>(below(static_cast<std::size_t>(high - low + 1)));
    return std::bit_cast<float>((bits & 0x807fffffu) | exponent << 23);
  }

 private:
  std::uint64_t state_;
};

/// n normal numbers times `scale`.
inline std::vector<float> normals(std::size_t n, std::uint64_t seed, double scale = 1) {
  random source(seed);
  std::vector<float> all(n);
  for (float& x : all) x = static_cast<float>(scale * source.normal());
  return all;
}

/// n numbers whose magnitudes are spread over 2^low ... 2^high, about one in 16 of them zero.
inline std::vector<float> spread(std::size_t n, std::uint64_t seed, int low = -20, int high = 20) {
  random source(seed);
  std::vector<float> all(n);
  for (float& x : all) x = source.below(16) == 0 ? 0.0f : source.spread(low, high);
  return all;
}

/// Patterns of NaN and infinity: quiet, signalling, with payload, both signs.
inline constexpr std::uint32_t nonfinite_patterns[] = {0x7fc00000u, 0xffc00000u, 0x7f800001u, 0xff800001u, 0x7fbfffffu,
                                                       0x7fffffffu, 0xffffffffu, 0x7f810000u, 0x7f800000u, 0xff800000u};
/// Patterns of finite numbers at every edge: zeros, denormals, the smallest normal, one and its neighbours, an integer
/// beyond which floats are even, numbers whose squares overflow and underflow, the largest.
inline constexpr std::uint32_t finite_patterns[] = {0x00000000u, 0x80000000u, 0x00000001u, 0x80000001u, 0x007fffffu,
                                                    0x807fffffu, 0x00800000u, 0x80800000u, 0x3f800000u, 0xbf800000u,
                                                    0x3f800001u, 0x3f7fffffu, 0x4b800001u, 0xcb800001u, 0x7149f2cau,
                                                    0xf149f2cau, 0x0da24260u, 0x8da24260u, 0x7f7fffffu, 0xff7fffffu};

/// The finite numbers above as floats.
inline std::vector<float> extremes() {
  std::vector<float> all;
  for (const std::uint32_t bits : finite_patterns) all.push_back(std::bit_cast<float>(bits));
  return all;
}

/// Numbers as doubles.
template <class Numbers> std::vector<double> doubles(const Numbers& numbers) {
  std::vector<double> all;
  for (const auto x : numbers) all.push_back(static_cast<double>(x));
  return all;
}

}  // namespace support
