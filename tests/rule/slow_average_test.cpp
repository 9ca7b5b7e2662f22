// rule/slow_average.hpp against AdEMAMix's algorithm
#include "mango/rule/slow_average.hpp"

#include <doctest/doctest.h>

#include "mango/rule/momentum.hpp"
#include "mango/rule/second_moment.hpp"
#include "mango/rule/weight_decay.hpp"
#include "rule/follow.hpp"
#include "support/trajectory.hpp"

using namespace mango;
using namespace rule_test;

namespace {

constexpr add_slow_average variants[] = {{},
                                         {.b3 = 0.9, .alpha = 2},
                                         {.b3 = 0.99, .alpha = 8, .alpha_warmup = 40},
                                         {.b3 = 0.999, .alpha = 5, .b3_warmup = 70, .b1 = 0.5},
                                         {.b3 = 0.999, .alpha = 5, .alpha_warmup = 10, .b3_warmup = 30},
                                         {.b3 = 0.5, .alpha = 0}};

reference::slow_average twin_of(const add_slow_average& r) {
  return {.b3 = r.b3, .alpha = r.alpha, .b1 = r.b1, .alpha_warmup = r.alpha_warmup, .b3_warmup = r.b3_warmup};
}

}  // namespace

static_assert(steering_rule<add_slow_average> && !gradient_rule<add_slow_average>);
static_assert(slot_count<add_slow_average> == 1 && add_slow_average::slots[0].values == range::any);

TEST_CASE("rule slow_average: 100 steps stay with the twin, numbers and packets") {
  for (const auto& rule : variants) {
    CAPTURE(rule.b3);
    CAPTURE(rule.alpha_warmup);
    const auto rules = chain(average_updates{}, rule, scale_by_learning_rate{1e-2});
    support::hand_loop loop(rules, support::start());
    reference::gradient_average average;
    auto its = twin_of(rule);
    const auto worst = support::run_against_twin<one>(
        loop,
        [&](auto& p, const auto& g, auto) {
          const auto u = its.direction(average.direction(g), g);
          for (std::size_t i = 0; i < p.size(); ++i) p[i] -= 1e-2 * u[i];
        },
        support::clock(), 100);
    CHECK(worst.error <= 1e-5);
    support::worst slow;
    for (std::size_t i = 0; i < its.m.size(); ++i)
      slow.add(static_cast<double>(loop.state[1][i]), its.m[i], std::ldexp(1.0, static_cast<int>(i / 4) - 10), 0);
    CHECK(slow.error <= 1e-6);
    CHECK(support::packet_difference(rules, support::clock(), 60) <= support::contraction);
  }
}

TEST_CASE("rule slow_average: before the second moment, an optimizer follows the twin step by step") {
  for (const index_t n : sizes) {
    CAPTURE(n);
    reference::gradient_average average{.corrected = true};
    reference::second_moment second{.b1 = 0};
    auto slow = twin_of(variants[4]);
    const auto twin = [&](numbers& p, const numbers& g) {
      const auto u = second.direction(slow.direction(average.direction(g), g), g);
      for (std::size_t i = 0; i < p.size(); ++i) p[i] -= 0.01 * u[i];
    };
    const auto rules =
        chain(average_updates{0.9, true}, variants[4], scale_by_second_moment{.b1 = 0}, decoupled_step{0.01});
    CHECK(follow(rules, stores<fp32, fp32, fp32>{}, n, twin) < 1e-5);
  }
}

TEST_CASE("rule slow_average: constants are folded in double, and warm-ups end where they should") {
  const auto first = add_slow_average{}.fold({.t = 1});
  CHECK((first.b3 == 0.9999f && first.c3 == static_cast<float>(1e-4) && first.alpha == 5));
  CHECK(first.c3 != 1 - 0.9999f);
  float slow = 0;
  const float u = add_slow_average::steer(first, 2.0f, 3.0f, slow);
  CHECK(u == 2.0f + 5.0f * slow);
  CHECK(support::ulps_apart(slow, static_cast<float>(3e-4)) <= 1);
  const add_slow_average warm{.b3 = 0.999, .alpha = 8, .alpha_warmup = 4, .b3_warmup = 4};
  const float expected[] = {2, 4, 6, 8, 8};
  for (std::int64_t t = 1; t <= 5; ++t) CHECK(warm.fold({.t = t}).alpha == expected[t - 1]);
  CHECK((warm.fold({.t = 3}).b3 < 0.999f && warm.fold({.t = 4}).b3 == 0.999f));
  // a tensor's own count, not the optimizer's
  CHECK(warm.fold({.t = 1, .step = 100}).alpha == 2);
}
