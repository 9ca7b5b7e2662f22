// core/half.hpp: every half, and the numbers between them
#include "mango/core/half.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "mango/core/packet.hpp"
#include "mango/core/philox.hpp"
#include "support/compare.hpp"
#include "support/random.hpp"

using namespace mango;

namespace {

// the magnitude of a half, from its definition; infinity counts as the next number of the scale, 2^16
double magnitude_of(std::uint32_t bits) {
  const auto exponent = static_cast<int>(bits >> 10 & 31), fraction = static_cast<int>(bits & 1023);
  return exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
}
bool is_nan_pattern(std::uint32_t x) { return (x & 0x7fffffffu) > 0x7f800000u; }
std::uint32_t bits_of_half(std::uint32_t x, std::uint32_t low) { return (x >> 16 & 0x8000u) | low; }

// the largest half that is not above |x| < 2^16, by bisection over all of them
std::uint32_t half_below(double x) {
  std::uint32_t low = 0, high = 0x7c00u;
  while (high - low > 1) (magnitude_of((low + high) / 2) <= x ? low : high) = (low + high) / 2;
  return low;
}
// NaN keeps its sign and the upper bits of its payload, and is quiet; infinity is infinity
std::uint32_t nonfinite_half(std::uint32_t x) {
  return bits_of_half(x, is_nan_pattern(x) ? 0x7e00u | (x >> 13 & 0x3ffu) : 0x7c00u);
}
std::uint32_t expected_nearest(std::uint32_t x) {
  const double value = std::abs(static_cast<double>(std::bit_cast<float>(x)));
  if ((x & 0x7f800000u) == 0x7f800000u) return nonfinite_half(x);
  if (value >= 65536) return bits_of_half(x, 0x7c00u);
  const std::uint32_t low = half_below(value);
  const double below = value - magnitude_of(low), above = magnitude_of(low + 1) - value;
  return bits_of_half(x, below < above || (below == above && low % 2 == 0) ? low : low + 1);
}

// f(pattern) around every half and every midpoint, and at random
template <class F> void each_pattern(F f) {
  for (std::uint32_t bits = 0; bits < 0x7c01u; ++bits) {
    const float here = static_cast<float>(magnitude_of(bits)),
                middle = static_cast<float>((magnitude_of(bits) + magnitude_of(bits + 1)) / 2);
    for (const float x : {here, middle})
      for (const int step : {-1, 0, 1}) {
        const std::uint32_t pattern = support::bits_of(x) + static_cast<std::uint32_t>(step);
        if (pattern < 0x80000000u) f(pattern), f(pattern | 0x80000000u);
      }
  }
  for (const std::uint32_t x : support::finite_patterns) f(x);
  for (const std::uint32_t x : support::nonfinite_patterns) f(x);
  support::random source(1);
  for (int i = 0; i < 300000; ++i) f(static_cast<std::uint32_t>(source.next()));
}

}  // namespace

static_assert(to_float(float16{0x3c00}) == 1.0f && to_float(float16{0xc200}) == -3.0f);
static_assert(round_nearest<float16>(1.0f).bits == 0x3c00 && round_stochastic<float16>(1.0f, 0xffffu).bits == 0x3c00);

TEST_CASE("core half: nearest is nearest and ties go to even") {
  int wrong = 0;
  std::uint32_t first_wrong = 0;
  each_pattern([&](std::uint32_t x) {
    if (nearest_half_bits(x) != expected_nearest(x) && wrong++ == 0) first_wrong = x;
  });
  CAPTURE(first_wrong);
  CHECK(wrong == 0);
  CHECK(round_nearest<float16>(65519.996f).bits == 0x7bff);
  CHECK(round_nearest<float16>(65520.0f).bits == 0x7c00);
  CHECK(round_nearest<float16>(-3.4e38f).bits == 0xfc00);
}

TEST_CASE("core half: infinities and NaN stay what they are, both ways") {
  for (const std::uint32_t x : support::nonfinite_patterns)
    for (const std::uint32_t noise : {0u, 1u, 0x8000u, 0xffffu}) {
      CAPTURE(x);
      CHECK(stochastic_half_bits(x, noise) == nonfinite_half(x));
    }
  for (std::uint32_t bits = 0x7c00u; bits < 0x8000u; ++bits) {
    const std::uint32_t wide = widen_half_bits(bits);
    REQUIRE(wide == (0x7f800000u | (bits & 0x3ffu) << 13));
    const float16 stored{static_cast<std::uint16_t>(bits)};
    REQUIRE(is_nonfinite(&stored));
  }
  CHECK(widen_half_bits(0xfc00u) == 0xff800000u);
}

TEST_CASE("core half: stochastic rounding gives a neighbour, as many times as it is near") {
  constexpr int draws = 100000;
  std::uint32_t tensor = 0;
  for (const float x : {1.0004f, -1.0004f, 0.1f, -123.456f, 6.2e-5f, 1.0e-6f, -3.0e-8f, 65503.0f, 1.0f + 0x1p-23f}) {
    CAPTURE(x);
    const std::uint32_t pattern = support::bits_of(x);
    const double value = std::abs(static_cast<double>(x));
    const std::uint32_t low = half_below(value);
    const double share = (value - magnitude_of(low)) / (magnitude_of(low + 1) - magnitude_of(low));
    const philox_key key{.seed = 7, .tensor = ++tensor};
    int up = 0, outside = 0;
    for (int i = 0; i < draws; ++i) {
      const std::uint32_t rounded = round_stochastic<float16>(x, random16(key, i)).bits;
      up += rounded == bits_of_half(pattern, low + 1);
      outside += rounded != bits_of_half(pattern, low) && rounded != bits_of_half(pattern, low + 1);
    }
    CHECK(outside == 0);
    CHECK(std::abs(up - draws * share) <= 5 * std::sqrt(draws * share * (1 - share)) + 1e-9);
  }
}

TEST_CASE("core half: stochastic rounding keeps halves, and keeps finite numbers finite") {
  int wrong = 0;
  for (std::uint32_t bits = 0; bits < 0x10000u; ++bits)
    for (const std::uint32_t noise : {0u, 1u, 0x8000u, 0xffffu})
      if ((bits & 0x7c00u) != 0x7c00u) wrong += stochastic_half_bits(widen_half_bits(bits), noise) != bits;
  CHECK(wrong == 0);
  for (const float x : {65504.5f, 65535.0f, 65536.0f, 1e6f, 3.4028235e38f}) {
    CHECK(round_stochastic<float16>(x, 0xffffu).bits == 0x7bff);
    CHECK(round_stochastic<float16>(-x, 0).bits == 0xfbff);
  }
  for (const float x : {1e-45f, 1e-38f, 1e-20f}) CHECK(round_stochastic<float16>(x, 0xffffu).bits == 0);
}

TEST_CASE("core half: a packet of patterns converts as each of them does") {
  support::random source(3);
  int wrong = 0;
  const auto check = [&](const std::uint32_t* x) {
    packet::bits xs, ns, hs;
    for (int i = 0; i < packet::lanes; ++i) xs[i] = x[i], ns[i] = x[i] >> 7 & 0xffffu, hs[i] = x[i] & 0xffffu;
    const packet::bits near = nearest_half_bits(xs), random = stochastic_half_bits(xs, ns), wide = widen_half_bits(hs);
    for (int i = 0; i < packet::lanes; ++i) {
      wrong += near[i] != nearest_half_bits(x[i]);
      wrong += random[i] != stochastic_half_bits(x[i], x[i] >> 7 & 0xffffu);
      wrong += wide[i] != widen_half_bits(x[i] & 0xffffu);
    }
  };
  for (int round = 0; round < 40000; ++round) {
    std::uint32_t x[packet::lanes];
    for (auto& each : x) {
      each = static_cast<std::uint32_t>(source.next());
      if (round % 2 == 0) each = (each & 0x807fffffu) | (95u + static_cast<std::uint32_t>(source.below(50))) << 23;
      if (source.below(16) == 0) each = support::nonfinite_patterns[source.below(10)];
    }
    check(x);
  }
  CHECK(wrong == 0);
}

TEST_CASE("core half: every finite half stands for its number") {
  int wrong = 0;
  for (std::uint32_t bits = 0; bits < 0x10000u; ++bits) {
    if ((bits & 0x7c00u) == 0x7c00u) continue;
    const auto expected = static_cast<float>(bits & 0x8000u ? -magnitude_of(bits) : magnitude_of(bits));
    wrong += support::bits_of(to_float(float16{static_cast<std::uint16_t>(bits)})) != support::bits_of(expected);
  }
  CHECK(wrong == 0);
  CHECK(to_float(float16{0x7bff}) == largest_half);
}

TEST_CASE("core half: rounding up gives the least half that is not below") {
  const auto at = [](std::uint32_t bits) { return to_float(float16{static_cast<std::uint16_t>(bits)}); };
  int wrong = 0;
  for (std::uint32_t bits = 0; bits < 0x7bffu; ++bits) {
    const float here = at(bits), next = at(bits + 1);
    wrong += round_up(here).bits != bits;
    wrong += round_up(std::nextafter(here, 1e9f)).bits != bits + 1;
    wrong += round_up((here + next) * 0.5f).bits != bits + 1;
    wrong += round_up(std::nextafter(next, 0.0f)).bits != bits + 1;
  }
  CHECK(wrong == 0);
  CHECK(round_up(largest_half).bits == 0x7bff);
  CHECK(round_up(1e-44f).bits == 1);
  CHECK(round_up(0x1p-126f).bits == 1);
  CHECK(round_up(0x1p-30f).bits == 1);
}
