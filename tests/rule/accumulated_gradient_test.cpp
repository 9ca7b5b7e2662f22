// rule/accumulated_gradient.hpp against the algorithm of Simplified AdEMAMix
#include "mango/rule/accumulated_gradient.hpp"

#include <doctest/doctest.h>

#include "mango/rule/momentum.hpp"
#include "mango/rule/second_moment.hpp"
#include "mango/rule/weight_decay.hpp"
#include "rule/follow.hpp"
#include "support/trajectory.hpp"

using namespace mango;
using namespace rule_test;

namespace {

constexpr accumulate_gradient variants[] = {{},
                                            {.b1 = 0.9, .alpha = 0},
                                            {.b1 = 0.99, .alpha = 5, .b1_min = 0.5, .warmup = 20},
                                            {.b1 = 0.95, .alpha = 2, .bias_correction = false}};

reference::accumulated_gradient twin_of(const accumulate_gradient& r) {
  return {.b1 = r.b1, .alpha = r.alpha, .b1_min = r.b1_min, .warmup = r.warmup, .corrected = r.bias_correction};
}

}  // namespace

static_assert(gradient_rule<accumulate_gradient> && learning_rule<accumulate_gradient>);
static_assert(takes_input<accumulate_gradient> && !observing_rule<accumulate_gradient>);
static_assert(!pooling_rule<accumulate_gradient>);

TEST_CASE("rule accumulated_gradient: an optimizer follows the twin step by step, through a warm-up") {
  for (const index_t n : sizes)
    for (const auto& rule : variants) {
      CAPTURE(n);
      CAPTURE(rule.b1);
      auto its = twin_of(rule);
      const auto twin = [&](numbers& p, const numbers& g) {
        const auto u = its.direction(g);
        for (std::size_t i = 0; i < p.size(); ++i) p[i] -= 0.001 * u[i];
      };
      CHECK(follow(chain(rule, scale_by_learning_rate{0.001}), stores<fp32>{}, n, twin, 60) < 4e-6);
    }
}

TEST_CASE("rule accumulated_gradient: before a second moment that is not corrected twice, it is Simplified AdEMAMix") {
  for (const index_t n : sizes) {
    CAPTURE(n);
    auto its = twin_of(variants[2]);
    reference::second_moment second{.b1 = 0};
    const auto twin = [&](numbers& p, const numbers& g) {
      const auto u = second.direction(its.direction(g), g);
      for (std::size_t i = 0; i < p.size(); ++i) p[i] -= 0.001 * u[i];
    };
    const auto rules = chain(variants[2], scale_by_second_moment{.b1 = 0}, decoupled_step{0.001});
    CHECK(follow(rules, stores<fp32, fp32>{}, n, twin) < 4e-6);
  }
}

TEST_CASE("rule accumulated_gradient: packets compute what floats compute") {
  for (const auto& rule : variants)
    CHECK(support::packet_difference(chain(rule, scale_by_learning_rate{1e-3}), support::clock(), 60) <=
          support::contraction);
}

TEST_CASE("rule accumulated_gradient: a constant gradient is an update of 1 + alpha / weights, and weights are kept") {
  const accumulate_gradient rule{.b1 = 0.5, .alpha = 3, .b1_min = 0.5};
  updates run(chain(rule), stores<fp32>{}, std::vector<float>(2));
  const double weights[] = {1, 1.5, 1.75, 1.875};
  for (const double w : weights) {
    CHECK(std::abs(static_cast<double>(run({2, -2})[1]) + 2 * (1 + 3 / w)) < 1e-6);
    CHECK(remembered(run.opt, run.id, "accumulated", "weights") == w);
  }
}

TEST_CASE("rule accumulated_gradient: each tensor counts its own updates and weights") {
  const auto rules = chain(variants[2]);
  optimizer opt{rules, stores<fp32>{}};
  const auto first = opt.add("first", 17), second = opt.add("second", 17);
  updates alone(rules, stores<fp32>{}, std::vector<float>(17));
  std::vector<float> p(17), u(17), v(17);
  for (unsigned t = 1; t <= 12; ++t) {
    const auto step = opt.begin_step();
    step.update_into(first, p, gradient(17, t), u);
    if (t <= 6) continue;
    step.update_into(second, p, gradient(17, t), v);
    CHECK(optim_test::same_bits(v, alone(gradient(17, t))));
    CHECK(!optim_test::same_bits(v, u));
  }
}

TEST_CASE("rule accumulated_gradient: told to average it is the average, bit by bit, with correction and without") {
  for (const bool corrected : {false, true}) {
    support::hand_loop ours(
        chain(accumulate_gradient{.b1 = 0.9, .alpha = 100, .bias_correction = corrected, .average = true}),
        support::start());
    support::hand_loop theirs(chain(average_updates{0.9, corrected}), support::start());
    int wrong = 0;
    for (std::int64_t t = 1; t <= 40; ++t) {
      const auto g = support::gradient(t);
      ours.step<one>(support::clock()(t), g);
      theirs.step<one>(support::clock()(t), g);
      wrong += ours.u != theirs.u;
      wrong += ours.state[0] != theirs.state[0];
    }
    CHECK(wrong == 0);
  }
}
