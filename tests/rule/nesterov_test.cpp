// rule/nesterov.hpp against Dozat's look-ahead
#include "mango/rule/nesterov.hpp"

#include <doctest/doctest.h>

#include "mango/rule/momentum.hpp"
#include "mango/rule/second_moment.hpp"
#include "mango/rule/weight_decay.hpp"
#include "rule/follow.hpp"
#include "support/trajectory.hpp"

using namespace mango;
using namespace rule_test;

static_assert(steering_rule<nesterov> && !settled_rule<nesterov> && slot_count<nesterov> == 0);

TEST_CASE("rule nesterov: 100 steps stay with the twin, and packets compute what floats compute") {
  for (const double b1 : {0.9, 0.5, 0.0}) {
    CAPTURE(b1);
    const auto rules = chain(average_updates{b1}, nesterov{b1}, scale_by_learning_rate{1e-2});
    support::hand_loop loop(rules, support::start());
    reference::gradient_average average{.b1 = b1};
    const auto worst = support::run_against_twin<one>(
        loop,
        [&](auto& p, const auto& g, auto) {
          const auto u = reference::nesterov(average.direction(g), g, b1);
          for (std::size_t i = 0; i < p.size(); ++i) p[i] -= 1e-2 * u[i];
        },
        support::clock(), 100);
    CHECK(worst.error <= 1e-5);
    CHECK(support::packet_difference(rules, support::clock(), 60) <= support::contraction);
  }
}

TEST_CASE("rule nesterov: it is the momentum that one more step with this gradient would leave") {
  const average_updates momentum{};
  const auto k = momentum.fold({});
  for (const float g : {1.0f, -3.5f, 0.0f}) {
    float m = 0.75f, next = 0;
    const float u = average_updates::apply(k, g, m);
    next = m;
    const float ahead = average_updates::apply(k, g, next);
    CHECK(nesterov::steer(nesterov{}.fold({}), u, g) == ahead);
    CHECK(m != next);
  }
}

TEST_CASE("rule nesterov: between momentum and the second moment, an optimizer follows the twin") {
  for (const index_t n : sizes) {
    CAPTURE(n);
    reference::gradient_average average;
    reference::second_moment second;
    const auto twin = [&](numbers& p, const numbers& g) {
      const auto u = second.direction(reference::nesterov(average.direction(g), g, 0.9), g);
      for (std::size_t i = 0; i < p.size(); ++i) p[i] -= 0.01 * u[i];
    };
    const auto rules = chain(average_updates{}, nesterov{}, scale_by_second_moment{}, decoupled_step{0.01});
    CHECK(follow(rules, stores<fp32, fp32>{}, n, twin) < 5e-6);
  }
}
