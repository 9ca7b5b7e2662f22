// rule/lion.hpp against the paper's algorithm
#include "mango/rule/lion.hpp"

#include <doctest/doctest.h>

#include "mango/rule/learning_rate.hpp"
#include "support/reference.hpp"
#include "support/trajectory.hpp"

using namespace mango;

namespace {

constexpr scale_by_lion variants[] = {{}, {.b1 = 0.95, .b2 = 0.98}, {.b1 = 0}, {.b2 = 0}, {.b1 = 0, .b2 = 0.5}};

}  // namespace

static_assert(gradient_rule<scale_by_lion> && !parameter_rule<scale_by_lion> && !measured_rule<scale_by_lion>);
static_assert(slot_count<scale_by_lion> == 1 && scale_by_lion::slots[0].values == range::any);

TEST_CASE("rule lion: each step is the paper's: signs exactly, the momentum within a few roundings") {
  for (const auto& rule : variants) {
    CAPTURE(rule.b1);
    CAPTURE(rule.b2);
    support::hand_loop loop(chain(rule), support::start());
    reference::lion twin{.b1 = rule.b1, .b2 = rule.b2};
    support::worst m;
    int wrong = 0;
    for (std::int64_t t = 1; t <= 60; ++t) {
      const auto g = support::gradient(t);
      const auto old = support::doubles(loop.state[0]);
      twin.m = old;
      loop.step<whole>(support::clock()(t), g);
      const auto u = twin.direction(support::doubles(g));
      for (std::size_t i = 0; i < g.size(); ++i) {
        const double size = std::max(std::abs(old[i]), std::abs(static_cast<double>(g[i])));
        m.add(static_cast<double>(loop.state[0][i]), twin.m[i], support::unit * size, static_cast<std::ptrdiff_t>(i));
        wrong += static_cast<double>(loop.u[i]) != u[i];
      }
    }
    CHECK(m.error <= 3);
    CHECK(wrong == 0);
  }
}

TEST_CASE("rule lion: 100 steps stay with the twin") {
  for (const auto& rule : variants) {
    CAPTURE(rule.b1);
    support::hand_loop loop(chain(rule, scale_by_learning_rate{1e-2}), support::start());
    reference::lion twin{.lr = 1e-2, .b1 = rule.b1, .b2 = rule.b2};
    const auto worst = support::run_against_twin<whole>(
        loop, [&](auto& p, const auto& g, auto) { twin.step(p, g); }, support::clock(), 100);
    CHECK(worst.error <= 1e-5);
    CHECK(loop.p != support::start());
  }
}

TEST_CASE("rule lion: packets compute what floats compute") {
  for (const auto& rule : variants)
    CHECK(support::packet_difference(chain(rule, scale_by_learning_rate{1e-3}), support::clock(), 60) <=
          support::contraction);
}

TEST_CASE("rule lion: an update is -1, 0 or 1, whatever the gradient's size, and zeros stay zero") {
  const auto frame = scale_by_lion{}.fold({});
  for (const float g : {1.0f, 3e-30f, 7e30f}) {
    float m = 0, opposite = 0;
    CHECK(scale_by_lion::apply(frame, g, m) == 1.0f);
    CHECK(scale_by_lion::apply(frame, -g, opposite) == -1.0f);
    CHECK(m > 0);
    CHECK(opposite == -m);
  }
  float m = 0;
  CHECK(scale_by_lion::apply(frame, 0.0f, m) == 0.0f);
  CHECK(m == 0);
  // the sign is taken of b1 m + (1-b1) g, with the m before the step
  m = 1;
  CHECK(scale_by_lion::apply(frame, -8.9f, m) == 1.0f);
  m = 1;
  CHECK(scale_by_lion::apply(frame, -9.1f, m) == -1.0f);
  CHECK(m == doctest::Approx(0.99 - 0.091));
}

TEST_CASE("rule lion: hyperparameters are folded in double, the same for every step") {
  const auto first = scale_by_lion{.b1 = 0.9, .b2 = 0.999}.fold({.t = 1});
  CHECK((first.b1 == 0.9f && first.c1 == 0.1f && first.b2 == 0.999f && first.c2 == 0.001f));
  CHECK(first.c2 != 1 - 0.999f);
  CHECK(scale_by_lion{.b1 = 0.9, .b2 = 0.999}.fold({.t = 1000000}).c2 == first.c2);
}
