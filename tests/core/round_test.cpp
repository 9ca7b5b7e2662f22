// core/round.hpp: float to bfloat16 against exact arithmetic, and against what published code computes
#include "mango/core/round.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "mango/core/packet.hpp"
#include "mango/core/philox.hpp"
#include "support/random.hpp"

using namespace mango;

namespace {

struct golden_row {
  std::uint32_t x, noise, rounded;
};
constexpr golden_row golden[] = {
#include "golden/stochastic_bf16.inc"
};

bool is_nan_pattern(std::uint32_t x) { return (x & 0x7fffffffu) > 0x7f800000u; }

// The value of a bfloat16 pattern without its sign. Infinity counts as the next number of the scale, 2^128, which is
// how IEEE 754 defines rounding to it.
double magnitude(std::uint32_t bits) {
  const auto exponent = static_cast<int>(bits >> 7 & 0xffu), mantissa = static_cast<int>(bits & 0x7fu);
  return exponent == 0 ? std::ldexp(mantissa, -133) : std::ldexp(128 + mantissa, exponent - 134);
}

// Nearest, ties to the even pattern, by comparing exact distances; x is finite.
std::uint32_t nearest(std::uint32_t x) {
  const double value = std::abs(static_cast<double>(std::bit_cast<float>(x)));
  const std::uint32_t low = x >> 16 & 0x7fffu, high = low + 1, sign = x >> 16 & 0x8000u;
  const double below = value - magnitude(low), above = magnitude(high) - value;
  return sign | (below < above || (below == above && low % 2 == 0) ? low : high);
}

// A NaN keeps its sign and upper payload and becomes quiet; so whatever noise it meets.
std::uint32_t kept_nan(std::uint32_t x) { return x >> 16 | 0x40u; }

}  // namespace

static_assert(round_nearest(1.0f).bits == 0x3f80 && round_stochastic(1.0f, 0xffffu).bits == 0x3f80);
static_assert(to_float(bfloat16{0xc040}) == -3.0f && to_float(0.1f) == 0.1f);
static_assert(size_of(dtype::f32) == 4 && size_of(dtype::bf16) == 2 && size_of(dtype::u8) == 1 &&
              size_of(dtype::f16) == 2);
static_assert(dtype_of<float> == dtype::f32 && dtype_of<bfloat16> == dtype::bf16 &&
              dtype_of<std::uint8_t> == dtype::u8);

TEST_CASE("core round: every bfloat16 reads back exactly") {
  int wrong = 0;
  for (std::uint32_t b = 0; b < 0x10000; ++b) {
    const bfloat16 stored{static_cast<std::uint16_t>(b)};
    const float read = to_float(stored);
    const std::uint32_t expected = is_nan_pattern(b << 16) ? b | 0x40u : b;
    wrong += std::bit_cast<std::uint32_t>(read) != b << 16 || round_nearest(read).bits != expected;
    for (const std::uint32_t noise : {0u, 1u, 0x8000u, 0xffffu})
      wrong += round_stochastic(read, noise).bits != expected;
  }
  CHECK(wrong == 0);
}

TEST_CASE("core round: nearest is nearest and ties go to even") {
  int wrong = 0;
  std::uint32_t first_wrong = 0;
  const auto check = [&](std::uint32_t x) {
    const bool infinite = (x & 0x7fffffffu) == 0x7f800000u;
    const std::uint32_t expected = is_nan_pattern(x) ? kept_nan(x) : infinite ? x >> 16 : nearest(x);
    const std::uint32_t got = round_nearest(std::bit_cast<float>(x)).bits;
    if (got != expected && wrong++ == 0) first_wrong = x;
  };
  for (std::uint32_t high = 0; high < 0x10000; ++high)
    for (const std::uint32_t low : {0u, 1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) check(high << 16 | low);
  support::random source(1);
  for (int i = 0; i < 300000; ++i) check(static_cast<std::uint32_t>(source.next()));
  CAPTURE(first_wrong);
  CHECK(wrong == 0);
  CHECK(round_nearest(std::bit_cast<float>(0x7f7fffffu)).bits == 0x7f80);  // FLT_MAX is past the largest bfloat16
  CHECK(round_nearest(std::bit_cast<float>(0x7f7f7fffu)).bits == 0x7f7f);
}

TEST_CASE("core round: stochastic rounding as published") {
  int checked = 0;
  for (const golden_row& row : golden) {
    CAPTURE(row.x);
    CAPTURE(row.noise);
    const std::uint32_t got = round_stochastic(std::bit_cast<float>(row.x), row.noise).bits;
    // Differs: there NaN + noise overflows into zero, infinity or another NaN; here it stays the NaN that it was.
    CHECK(got == (is_nan_pattern(row.x) ? kept_nan(row.x) : row.rounded));
    checked += !is_nan_pattern(row.x);
  }
  CHECK(checked >= 100);
}

TEST_CASE("core round: stochastic rounding keeps every NaN and infinity whatever the noise") {
  for (const std::uint32_t x : support::nonfinite_patterns)
    for (const std::uint32_t noise : {0u, 1u, 0x1234u, 0x8000u, 0xffffu}) {
      CAPTURE(x);
      const std::uint32_t got = round_stochastic(std::bit_cast<float>(x), noise).bits;
      CHECK(got == (is_nan_pattern(x) ? kept_nan(x) : x >> 16));
    }
}

TEST_CASE("core round: the mean of many stochastic roundings is the number") {
  constexpr int draws = 100000;
  std::uint32_t tensor = 0;
  for (const float x : {1.001f, -1.001f, 0.1f, -123.456f, 3.0e-39f, 2.9e38f, 1.00390625f, 1.0f + 0x1p-23f}) {
    CAPTURE(x);
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
    const double below = magnitude(bits >> 16 & 0x7fffu), above = magnitude((bits >> 16 & 0x7fffu) + 1);
    const double share = (std::abs(static_cast<double>(x)) - below) / (above - below);
    const philox_key key{.seed = 7, .tensor = ++tensor};
    int up = 0, outside = 0;
    for (int i = 0; i < draws; ++i) {
      const std::uint32_t rounded = round_stochastic(x, random16(key, i)).bits;
      up += rounded == (bits >> 16) + 1;
      outside += rounded != bits >> 16 && rounded != (bits >> 16) + 1;
    }
    CHECK(outside == 0);
    CHECK(std::abs(up - draws * share) <= 5 * std::sqrt(draws * share * (1 - share)) + 1e-9);
  }
}

TEST_CASE("core round: a packet of patterns rounds as each of them does") {
  support::random source(3);
  int wrong = 0;
  const auto check = [&](const std::uint32_t* x, const std::uint32_t* noise) {
    packet::bits xs, ns;
    for (int i = 0; i < packet::lanes; ++i) xs[i] = x[i], ns[i] = noise[i];
    const packet::bits near = round_nearest_bits(xs), random = round_stochastic_bits(xs, ns);
    for (int i = 0; i < packet::lanes; ++i) {
      wrong += near[i] != round_nearest(std::bit_cast<float>(x[i])).bits;
      wrong += random[i] != round_stochastic(std::bit_cast<float>(x[i]), noise[i]).bits;
    }
  };
  for (int round = 0; round < 20000; ++round) {
    std::uint32_t x[packet::lanes], noise[packet::lanes];
    for (int i = 0; i < packet::lanes; ++i) {
      x[i] = source.below(8) == 0 ? support::nonfinite_patterns[source.below(10)]
                                  : static_cast<std::uint32_t>(source.next());
      noise[i] = static_cast<std::uint32_t>(source.next() & 0xffffu);
    }
    check(x, noise);
  }
  CHECK(wrong == 0);
}
