// rule/average.hpp: the average of the weights, beside them
#include "mango/rule/average.hpp"

#include <doctest/doctest.h>

#include "mango/rule/adam.hpp"
#include "mango/rule/weight_decay.hpp"
#include "support/reference.hpp"
#include "support/trajectory.hpp"

using namespace mango;

static_assert(parameter_rule<average_weights> && slot_count<average_weights> == 1);

TEST_CASE("rule average: 80 steps stay with the twin, and the weights do not notice") {
  for (const average_weights& rule : {average_weights{}, {.decay = 0.5}, {.decay = 0.9, .warm = 0}, {.decay = 0}}) {
    CAPTURE(rule.decay);
    const auto plain = chain(scale_by_adam{}, decoupled_step{1e-2, 0.1});
    support::hand_loop with(chain(plain, rule), support::start());
    support::hand_loop without(plain, support::start());
    reference::weight_average twin{.decay = rule.decay, .warm = rule.warm};
    support::worst worst;
    for (std::int64_t t = 1; t <= 80; ++t) {
      with.step<whole>(support::clock()(t), support::gradient(t));
      without.step<whole>(support::clock()(t), support::gradient(t));
      twin.step(support::doubles(with.p));
      for (std::size_t i = 0; i < with.p.size(); ++i)
        worst.add(static_cast<double>(with.state[2][i]), twin.average[i], 1 + std::abs(twin.average[i]), 0);
      if (t == 1) CHECK(with.state[2] == with.p);
    }
    CHECK(worst.error <= 1e-6);
    CHECK(support::first_difference(with.p, without.p) == -1);
  }
}

TEST_CASE("rule average: packets compute what floats compute") {
  CHECK(support::packet_difference(chain(scale_by_learning_rate{1e-2}, average_weights{}), support::clock(), 60) <=
        support::contraction);
}

TEST_CASE("rule average: how long it remembers") {
  const average_weights rule{.decay = 0.99, .warm = 9};
  CHECK((rule.fold({.t = 1}).keep == 0 && rule.fold({.t = 1}).fresh == 1));
  CHECK(rule.fold({.t = 2}).keep == static_cast<float>(1.0 / 11));
  CHECK(rule.fold({.t = 11}).keep == 0.5f);
  CHECK(rule.fold({.t = 990}).keep == static_cast<float>(989.0 / 999));  // the ramp meets 0.99 at t = 991
  CHECK(rule.fold({.t = 992}).keep == 0.99f);
  CHECK(rule.fold({.t = 1000000}).keep == 0.99f);
  CHECK(rule.fold({.t = 1000000}).fresh == static_cast<float>(1 - 0.99));
}
