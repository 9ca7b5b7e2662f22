// core/half.hpp: every half, and the numbers between them
#include "mango/core/half.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "support/compare.hpp"
#include "support/random.hpp"

using namespace mango;

TEST_CASE("core half: every finite half stands for its number") {
  int wrong = 0;
  for (std::uint32_t bits = 0; bits < 0x10000u; ++bits) {
    const int exponent = static_cast<int>(bits >> 10 & 31), fraction = static_cast<int>(bits & 1023);
    if (exponent == 31) continue;
    const double magnitude = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
    const auto expected = static_cast<float>(bits & 0x8000u ? -magnitude : magnitude);
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
