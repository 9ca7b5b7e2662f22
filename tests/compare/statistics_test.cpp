#include <doctest/doctest.h>

#include <array>
#include <cmath>

#include "compare/defaults.hpp"
#include "compare/schedule.hpp"
#include "compare/statistics.hpp"

using namespace compare;
using doctest::Approx;

TEST_CASE("mean and sample standard deviation") {
  const std::array x{2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0};
  CHECK(summarise(x).mean == Approx(5.0));
  CHECK(summarise(x).deviation == Approx(std::sqrt(32.0 / 7.0)));
  CHECK(summarise(std::array{3.0}).deviation == 0.0);
  CHECK(summarise(std::span<const double>{}).count == 0);
}

TEST_CASE("median of odd, even and no values") {
  CHECK(median({9.0, 1.0, 5.0}) == 5.0);
  CHECK(median({4.0, 1.0, 3.0, 2.0}) == 2.5);
  CHECK(median({}) == 0.0);
}

TEST_CASE("smoothing keeps constants, averages inside, and leaves what is not finite") {
  CHECK(smooth(std::array{2.0, 2.0, 2.0}, 5) == std::vector<double>{2.0, 2.0, 2.0});
  CHECK(smooth(std::array{0.0, 3.0, 6.0, 3.0}, 1) == std::vector<double>{0.0, 3.0, 4.0, 4.5});
  const auto broken = smooth(std::array{1.0, not_a_number, 3.0, 5.0}, 1);
  CHECK(std::isnan(broken[1]));
  CHECK(broken[2] == 3.0);
  CHECK(broken[3] == 4.0);
}

TEST_CASE("schedule: a linear start, then half a cosine or nothing") {
  const schedule wave{.cosine = true, .steps = 110, .warmup = 10};
  CHECK(wave.factor(0) == Approx(1.0 / 11.0));
  CHECK(wave.factor(9) == Approx(10.0 / 11.0));
  CHECK(wave.factor(10) == Approx(1.0));
  CHECK(wave.factor(60) == Approx(0.5));
  CHECK(wave.factor(109) > 0.0);
  CHECK(wave.factor(109) < 0.001);
  const schedule flat{.cosine = false, .steps = 110, .warmup = 0};
  CHECK(flat.factor(0) == 1.0);
  CHECK(flat.factor(109) == 1.0);
}

TEST_CASE("default rates belong to the name, whatever options follow") {
  CHECK(rate_of("adamw", "mlp") == rate_of("adamw:stores=bf16,b2=0.99", "mlp"));
  CHECK(rate_of("sgd", "gpt") != rate_of("adamw", "gpt"));
  CHECK(rate_of("no_such_name", "mlp") == fallback_rate);
}
