// core/finite.hpp and the scans of pass/tally.hpp. This file is compiled with -ffast-math as well, where a float is
// never NaN: so NaNs are made from bits, answers are booleans and integers, and no float is compared or printed.
#include "mango/core/finite.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "mango/pass/tally.hpp"
#include "mango/rule/hyperparameter.hpp"
#include "support/random.hpp"

using namespace mango;

namespace {

constexpr auto lanes = static_cast<std::size_t>(packet::lanes);

float float_of(std::uint32_t pattern) {
  float x;
  std::memcpy(&x, &pattern, sizeof x);
  return x;
}
double double_of(std::uint64_t pattern) {
  double x;
  std::memcpy(&x, &pattern, sizeof x);
  return x;
}
void put(float& at, std::uint32_t pattern) { std::memcpy(&at, &pattern, sizeof at); }
void put(half auto& at, std::uint32_t pattern) { at.bits = static_cast<std::uint16_t>(pattern >> 16); }

// Patterns that are NaN or infinite; of 16 bits, those whose upper half is.
template <class E> bool is_bad(std::uint32_t pattern) {
  const std::uint32_t exponent = std::same_as<E, float16> ? 0x7c000000u : 0x7f800000u;
  return (pattern & exponent) == exponent;
}

// Puts each pattern at the position and asks all three scans; returns how many answered wrongly.
template <class E> int wrong_scans(std::vector<E>& x, std::size_t at) {
  const auto n = static_cast<index_t>(x.size()), place = static_cast<index_t>(at);
  int wrong = 0;
  const auto ask = [&](bool bad) {
    wrong += has_nonfinite(x.data(), 0, n) != bad;
    wrong += first_nonfinite(x.data(), n) != (bad ? place : n);
    wrong += tally_range(x.data(), 0, n).nonfinite != bad;
    wrong += has_nonfinite(x.data(), 0, place) || has_nonfinite(x.data(), place + 1, n);
  };
  for (const std::uint32_t pattern : support::nonfinite_patterns) put(x[at], pattern), ask(is_bad<E>(pattern));
  for (const std::uint32_t pattern : support::finite_patterns) put(x[at], pattern), ask(is_bad<E>(pattern));
  put(x[at], 0x3f800000u);
  return wrong;
}

template <class E> int wrong_sizes() {
  int wrong = 0;
  const std::size_t full = 4 * lanes;
  for (const std::size_t n :
       {std::size_t{1}, lanes - 1, lanes, lanes + 1, full - 1, full, full + 1, 2 * full + lanes + 3}) {
    std::vector<E> x(n);
    for (E& e : x) put(e, 0x3f800000u);
    for (std::size_t at = 0; at < n; ++at) wrong += wrong_scans(x, at);
  }
  return wrong;
}

}  // namespace

TEST_CASE("core finite: a float in memory") {
  for (const std::uint32_t pattern : support::nonfinite_patterns) {
    const float x = float_of(pattern);
    CAPTURE(pattern);
    CHECK(is_nonfinite(&x));
  }
  for (const std::uint32_t pattern : support::finite_patterns) {
    const float x = float_of(pattern);
    CAPTURE(pattern);
    CHECK_FALSE(is_nonfinite(&x));
  }
}

TEST_CASE("core finite: every number of 16 bits in memory") {
  int wrong = 0;
  for (std::uint32_t b = 0; b < 0x10000; ++b) {
    const bfloat16 x{static_cast<std::uint16_t>(b)};
    const float16 y{static_cast<std::uint16_t>(b)};
    wrong += is_nonfinite(&x) != ((b >> 7 & 0xffu) == 0xffu);
    wrong += is_nonfinite(&y) != ((b >> 10 & 0x1fu) == 0x1fu);
  }
  CHECK(wrong == 0);
}

TEST_CASE("core finite: computed floats and doubles") {
  const volatile float huge = float_of(0x7f7fffffu), tiny = float_of(1), none = float_of(0);
  CHECK(is_nonfinite(huge * huge));
  CHECK(is_nonfinite(-huge * 2));
  const volatile float infinite = huge * huge;  // a value of its own: -ffast-math may reorder the products of one
  CHECK(is_nonfinite(infinite - infinite));
  CHECK(is_nonfinite(none * infinite));
  CHECK_FALSE(is_nonfinite(huge));
  CHECK_FALSE(is_nonfinite(tiny));
  CHECK_FALSE(is_nonfinite(none));
  const volatile double large = 1e200, zero = 0;
  CHECK(is_nonfinite(large * large));
  const volatile double endless = large * large;
  CHECK(is_nonfinite(endless - endless));
  CHECK(is_nonfinite(zero * endless));
  CHECK_FALSE(is_nonfinite(large));
  CHECK_FALSE(is_nonfinite(static_cast<double>(huge) * static_cast<double>(huge)));
}

TEST_CASE("core finite: values made from bits") {
  for (const std::uint32_t pattern : support::nonfinite_patterns) CHECK(is_nonfinite(float_of(pattern)));
  for (const std::uint32_t pattern : support::finite_patterns) CHECK_FALSE(is_nonfinite(float_of(pattern)));
  for (const std::uint64_t pattern :
       {0x7ff0000000000000u, 0xfff0000000000000u, 0x7ff8000000000000u, 0x7ff0000000000001u})
    CHECK(is_nonfinite(double_of(pattern)));
  for (const std::uint64_t pattern : {0x7fefffffffffffffu, std::uint64_t{1}, 0x8000000000000000u, std::uint64_t{0}})
    CHECK_FALSE(is_nonfinite(double_of(pattern)));
}

TEST_CASE("core finite: scans find one number at every position of every size") {
  CHECK(wrong_sizes<float>() == 0);
  CHECK(wrong_sizes<bfloat16>() == 0);
  CHECK(wrong_sizes<float16>() == 0);
  CHECK_FALSE(has_nonfinite(static_cast<const float*>(nullptr), 0, 0));
  CHECK(first_nonfinite(static_cast<const float*>(nullptr), 0) == 0);
}

TEST_CASE("core finite: scans of more than one block") {
  std::vector<float> x(3 * 4096 + 5, float_of(0x3f800000u));
  for (const std::size_t at : {std::size_t{4095}, std::size_t{4096}, std::size_t{9000}, x.size() - 1})
    CHECK(wrong_scans(x, at) == 0);
}

TEST_CASE("core finite: a norm whose squares overflow float is finite, one of an infinity is not") {
  std::vector<float> x(1000, float_of(0x7149f2cau));  // 1e30
  const double sum = squared_norm(x.data(), 0, 1000);
  CHECK_FALSE(is_nonfinite(sum));
  CHECK((sum > 0.999e63 && sum < 1.001e63));
  put(x[500], 0x7f800000u);
  CHECK(is_nonfinite(squared_norm(x.data(), 0, 1000)));
}

TEST_CASE("core finite: no hyperparameter is NaN or infinite") {
  for (const std::uint64_t pattern :
       {0x7ff0000000000000u, 0xfff0000000000000u, 0x7ff8000000000000u, 0x7ff0000000000001u}) {
    CHECK_THROWS_AS(require("b1", double_of(pattern), fraction), error);
    CHECK_THROWS_AS(require("limit", double_of(pattern), zero_or_more), error);
    CHECK_THROWS_AS(require("x", double_of(pattern), interval{-1e308, 1e308}), error);
  }
  require("b1", 0.5, fraction);
}
