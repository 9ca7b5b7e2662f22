// rule/centered_decay.hpp: a pull to where the weights began
#include "mango/rule/centered_decay.hpp"

#include <doctest/doctest.h>

#include "mango/optim/optimizer.hpp"
#include "optim/numbers.hpp"

using namespace mango;
using namespace optim_test;

static_assert(parameter_rule<centered_decay> && slot_count<centered_decay> == 1);

TEST_CASE("rule centered_decay: weights are pulled to the first ones, by the textbook") {
  for (const index_t n : {0, 1, 15, 16, 17, 1009}) {
    CAPTURE(n);
    optimizer opt{chain(scale_by_learning_rate{0.1}, centered_decay{0.1, 0.5}), stores<fp32>{}};
    auto p = uniform(n, 1);
    const auto start = p;
    std::vector<double> expected(p.begin(), p.end());
    const auto id = opt.add("w", n);
    for (unsigned t = 1; t <= 40; ++t) {
      const auto g = uniform(n, 10 + t);
      opt.begin_step().update(id, p, g);
      for (std::size_t i = 0; i < p.size(); ++i)
        expected[i] += -0.1 * static_cast<double>(g[i]) - 0.05 * (expected[i] - static_cast<double>(start[i]));
    }
    double worst = 0;
    for (std::size_t i = 0; i < p.size(); ++i)
      worst = std::max(worst, std::abs(static_cast<double>(p[i]) - expected[i]));
    CHECK(worst < 2e-6);
  }
}

TEST_CASE("rule centered_decay: without gradients the first weights stay, and others return to them") {
  optimizer opt{chain(scale_by_learning_rate{1}, centered_decay{1, 0.5}), stores<fp32>{}};
  auto p = uniform(33, 1);
  const auto start = p;
  const std::vector<float> none(33), push(33, 1.0f);
  const auto id = opt.add("w", 33);
  for (int t = 0; t < 5; ++t) opt.begin_step().update(id, p, none);
  CHECK(same_bits(p, start));
  opt.begin_step().update(id, p, push);
  CHECK(static_cast<double>(p[0]) == doctest::Approx(static_cast<double>(start[0]) - 1));
  for (int t = 0; t < 60; ++t) opt.begin_step().update(id, p, none);
  double worst = 0;
  for (std::size_t i = 0; i < p.size(); ++i) worst = std::max(worst, static_cast<double>(std::abs(p[i] - start[i])));
  CHECK(worst < 1e-6);
}
