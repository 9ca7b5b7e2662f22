// rule/schedule.hpp: values worked out by hand, at every edge
#include "mango/rule/schedule.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "mango/rule/learning_rate.hpp"

using namespace mango;

namespace {

bool close(double got, double expected) {
  return __builtin_fabs(got - expected) <= 1e-15 + 1e-14 * __builtin_fabs(expected);
}

}  // namespace

TEST_CASE("rule schedule: a constant") {
  const schedule rate = 0.25;
  for (const std::int64_t s : {1, 2, 1000000}) CHECK(rate(s) == 0.25);
  CHECK(rate.form() == schedule::kind::constant);
}

TEST_CASE("rule schedule: linear warm-up, then half a cosine") {
  const schedule rate = warmup_cosine{.peak = 2, .warmup = 10, .total = 110, .final = 0.5};
  CHECK(close(rate(1), 0.2));
  CHECK(close(rate(5), 1));
  CHECK(close(rate(10), 2));
  CHECK(close(rate(11), 2));                                       // x = 0
  CHECK(close(rate(61), 1.25));                                    // x = 1/2
  CHECK(close(rate(36), 0.5 + 1.5 * 0.8535533905932737));          // x = 1/4: (1 + sqrt(1/2)) / 2
  CHECK(close(rate(110), 0.5 + 0.75 * (1 - 0.9995065603657316)));  // x = 0.99
  CHECK(close(rate(111), 0.5));
  CHECK(close(rate(112), 0.5));
  CHECK(close(rate(1000000), 0.5));
}

TEST_CASE("rule schedule: a cosine without warm-up, and one that is all warm-up") {
  const schedule none = warmup_cosine{.peak = 1, .warmup = 0, .total = 4};
  CHECK(close(none(1), 1));
  CHECK(close(none(2), 0.8535533905932737));
  CHECK(close(none(3), 0.5));
  CHECK(close(none(4), 0.1464466094067263));
  CHECK(close(none(5), 0));
  const schedule all = warmup_cosine{.peak = 1, .warmup = 4, .total = 4, .final = 0.1};
  CHECK(close(all(4), 1));
  CHECK((all(5) <= 1 && all(5) >= 0.1));
  CHECK(close(all(6), 0.1));
  const schedule longer = warmup_cosine{.peak = 1, .warmup = 8, .total = 4};
  CHECK(close(longer(8), 1));
  CHECK(close(longer(10), 0));
}

TEST_CASE("rule schedule: polynomial decay") {
  const schedule linear = polynomial_decay{.peak = 1, .warmup = 2, .total = 12};
  CHECK(close(linear(1), 0.5));
  CHECK(close(linear(2), 1));
  CHECK(close(linear(3), 1));
  CHECK(close(linear(8), 0.5));
  CHECK(close(linear(12), 0.1));
  CHECK(close(linear(13), 0));
  CHECK(close(linear(99), 0));
  const schedule square = polynomial_decay{.peak = 3, .warmup = 0, .total = 10, .power = 2, .final = 1};
  CHECK(close(square(1), 3));
  CHECK(close(square(6), 1.5));
  CHECK(close(square(10), 1.02));
  CHECK(close(square(11), 1));
  CHECK(close(square(1000), 1));
  const schedule root = polynomial_decay{.peak = 1, .warmup = 0, .total = 100, .power = 0.5};
  CHECK(close(root(76), 0.5));
}

TEST_CASE("rule schedule: step decay") {
  const schedule rate = step_decay{.initial = 8, .every = 3, .factor = 0.5};
  for (const std::int64_t s : {1, 2, 3}) CHECK(rate(s) == 8);
  for (const std::int64_t s : {4, 5, 6}) CHECK(rate(s) == 4);
  CHECK(rate(7) == 2);
  CHECK(rate(3 * 10 + 1) == 8.0 / 1024);
  const schedule every = step_decay{.initial = 1, .every = 1, .factor = 0.1};
  CHECK((close(every(1), 1) && close(every(2), 0.1) && close(every(4), 1e-3)));
}

TEST_CASE("rule schedule: the inverse square root of the step, up to a peak") {
  const schedule rate = inverse_sqrt{.peak = 0.25};
  for (const std::int64_t s : {1, 2, 15, 16}) CHECK(rate(s) == 0.25);
  CHECK((rate(17) < 0.25 && rate(100) == 0.1 && rate(10'000) == 0.01));
}

TEST_CASE("rule schedule: a function of the step") {
  const schedule rate = +[](std::int64_t s) { return 1.0 / static_cast<double>(s); };
  CHECK((rate(1) == 1 && rate(4) == 0.25));
  CHECK(rate.form() == schedule::kind::function);
}

TEST_CASE("rule schedule: its names and its numbers are listed") {
  using seen = std::vector<std::string>;
  const auto listed = [](const schedule& s) {
    seen all;
    hyperparameters(s, [&](const char* name, auto value, auto...) {
      if constexpr (std::is_same_v<decltype(value), double>)
        all.push_back(std::string(name) + "=" + std::to_string(value));
      else all.push_back(std::string(name) + "=" + value);
    });
    return all;
  };
  CHECK(listed(0.5) == seen{"learning_rate=constant", "learning_rate.peak=0.500000"});
  CHECK(listed(warmup_cosine{1, 2, 3, 4}) == seen{"learning_rate=warmup_cosine", "learning_rate.peak=1.000000",
                                                  "learning_rate.total=3.000000", "learning_rate.warmup=2.000000",
                                                  "learning_rate.final=4.000000"});
  CHECK(listed(polynomial_decay{1, 2, 3, 4, 5}) ==
        seen{"learning_rate=polynomial_decay", "learning_rate.peak=1.000000", "learning_rate.total=3.000000",
             "learning_rate.shape=4.000000", "learning_rate.warmup=2.000000", "learning_rate.final=5.000000"});
  CHECK(listed(step_decay{1, 2, 3}) == seen{"learning_rate=step_decay", "learning_rate.peak=1.000000",
                                            "learning_rate.total=2.000000", "learning_rate.shape=3.000000"});
  CHECK(listed(inverse_sqrt{0.5}) == seen{"learning_rate=inverse_sqrt", "learning_rate.peak=0.500000"});
  CHECK(listed(+[](std::int64_t) { return 1.0; }) == seen{"learning_rate=function"});
}
