// rule/half_life.hpp: where a warm-up starts and ends, and that half-lives grow along a line
#include "mango/rule/half_life.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "support/adaptive_reference.hpp"

using mango::half_life_warmup;

namespace {

// the steps after which an average with this coefficient has forgotten half
double half_life(double b) { return std::log(0.5) / std::log(b); }

}  // namespace

TEST_CASE("rule half_life: every coefficient is the twin's") {
  for (const double start : {0.0, 0.5, 0.9, 0.99})
    for (const double end : {0.9, 0.999, 0.9999})
      for (std::int64_t t = 0; t <= 60; ++t) {
        const double b = half_life_warmup(start, end, t, 50);
        CHECK(std::abs(b - reference::half_life_warmup(start, end, t, 50)) <= 1e-14);
      }
}

TEST_CASE("rule half_life: it starts at the first coefficient, and is the last one from the end of the warm-up on") {
  CHECK(std::abs(half_life_warmup(0.9, 0.9999, 0, 100) - 0.9) < 2e-8);
  CHECK(half_life_warmup(0.9, 0.9999, 99, 100) < 0.9999);
  for (const std::int64_t t : {100, 101, 100'000'000}) CHECK(half_life_warmup(0.9, 0.9999, t, 100) == 0.9999);
  for (const std::int64_t t : {1, 7}) CHECK(half_life_warmup(0.9, 0.9999, t, 0) == 0.9999);
}

TEST_CASE("rule half_life: half-lives grow by the same number of steps in every step") {
  const double first = half_life(0.9), last = half_life(0.9999);
  for (std::int64_t t = 1; t < 1000; ++t) {
    const double expected = first + (last - first) * static_cast<double>(t) / 1000;
    CHECK(std::abs(half_life(half_life_warmup(0.9, 0.9999, t, 1000)) - expected) < 2e-4 * expected);
  }
}
