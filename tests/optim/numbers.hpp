#pragma once
// numbers for tests of optimizers: reproducible values, their bits, and how far two arrays are apart
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <span>
#include <vector>

#include "mango/core/round.hpp"
#include "support/random.hpp"

namespace optim_test {

using mango::bfloat16;
using mango::index_t;

/// n numbers in [low, high), the same for the same seed everywhere.
inline std::vector<float> uniform(index_t n, std::uint64_t seed, double low = -1, double high = 1) {
  support::random source(seed);
  std::vector<float> out(static_cast<std::size_t>(n));
  for (float& x : out) x = static_cast<float>(source.uniform(low, high));
  return out;
}

inline std::vector<bfloat16> to_bf16(std::span<const float> x) {
  std::vector<bfloat16> out;
  for (const float v : x) out.push_back(mango::round_nearest(v));
  return out;
}
inline std::vector<float> to_float(std::span<const bfloat16> x) {
  std::vector<float> out;
  for (const bfloat16 v : x) out.push_back(mango::to_float(v));
  return out;
}

/// Equal as memory: NaNs compare, and -0 is not 0.
template <class A, class B> bool same_bits(const A& a, const B& b) {
  static_assert(sizeof(*a.data()) == sizeof(*b.data()));
  const auto count = static_cast<std::size_t>(a.size());
  return count == static_cast<std::size_t>(b.size()) &&
         (count == 0 || std::memcmp(a.data(), b.data(), count * sizeof(*a.data())) == 0);
}

/// The largest |a - b| / max(|b|, floor); infinite for different sizes.
template <class A, class B> double distance(const A& a, const B& b, double floor = 1) {
  if (a.size() != b.size()) return HUGE_VAL;
  double worst = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    const double x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
    const double off = std::abs(x - y) / std::max(std::abs(y), floor);
    if (!(off <= worst)) worst = off;
  }
  return worst;
}

/// Copies the numbers to where `to` already lies: a bound view stays valid.
template <class To, class From> void refill(To& to, const From& numbers) {
  std::copy(numbers.begin(), numbers.end(), to.begin());
}

/// Row k of a table of `count` numbers each: gradients that are known for every step beforehand.
inline std::span<const float> row(const std::vector<float>& table, int k, index_t count) {
  return std::span(table).subspan(static_cast<std::size_t>(k * count), static_cast<std::size_t>(count));
}

}  // namespace optim_test
