// rule/smmf.hpp against the paper's algorithm, its moments in fp32
#include "mango/rule/smmf.hpp"

#include <doctest/doctest.h>

#include "mango/rule/learning_rate.hpp"
#include "support/reference.hpp"
#include "support/trajectory.hpp"

using namespace mango;

namespace {

constexpr scale_by_smmf variants[] = {{},
                                      {.beta = 0},
                                      {.beta = 0.5, .decay_rate = -0.8},
                                      {.eps = 1e-4, .decay_rate = -1},
                                      {.growth_rate = 0.5},
                                      {.decay_rate = 0}};

// The paper's step with moments that nothing factors.
struct twin {
  scale_by_smmf rule;
  std::int64_t t = 0;
  reference::numbers m{}, v{};
  reference::numbers direction(const reference::numbers& g) {
    m.resize(g.size()), v.resize(g.size());
    ++t;
    const double b1 = rule.beta * std::pow(rule.growth_rate, t - 1), b2 = 1 - std::pow(t, rule.decay_rate);
    reference::numbers u(g.size());
    for (std::size_t i = 0; i < g.size(); ++i) {
      m[i] = b1 * m[i] + (1 - b1) * g[i];
      v[i] = b2 * v[i] + (1 - b2) * g[i] * g[i];
      u[i] = m[i] / (std::sqrt(v[i]) + rule.eps);
    }
    return u;
  }
};

}  // namespace

static_assert(gradient_rule<scale_by_smmf> && gradient_rule<scale_by_smmf_rms>);
static_assert(scale_by_smmf::slots[0].values == range::any && scale_by_smmf::slots[1].values == range::nonnegative);
static_assert(slot_count<scale_by_smmf_rms> == 1 && scale_by_smmf_rms::slots[0].values == range::nonnegative);

TEST_CASE("rule smmf: 100 steps stay with the twin") {
  for (const auto& rule : variants) {
    CAPTURE(rule.beta);
    CAPTURE(rule.decay_rate);
    support::hand_loop loop(chain(rule, scale_by_learning_rate{1e-2}), support::start());
    twin its{rule};
    const auto worst = support::run_against_twin<whole>(
        loop,
        [&](auto& p, const auto& g, auto) {
          const auto u = its.direction(g);
          for (std::size_t i = 0; i < p.size(); ++i) p[i] -= 1e-2 * u[i];
        },
        support::clock(), 100);
    CHECK(worst.error <= 1e-5);
    CHECK(loop.p != support::start());
  }
}

TEST_CASE("rule smmf: without a first moment it is beta = 0, and one slot less") {
  support::hand_loop with(chain(scale_by_smmf{.beta = 0}), support::start());
  support::hand_loop without(chain(scale_by_smmf_rms{}), support::start());
  support::worst u;
  for (std::int64_t t = 1; t <= 60; ++t) {
    const auto g = support::gradient(t);
    with.step<whole>(support::clock()(t), g);
    without.step<whole>(support::clock()(t), g);
    for (std::size_t i = 0; i < g.size(); ++i)
      u.add(static_cast<double>(without.u[i]), static_cast<double>(with.u[i]), support::unit, 0);
  }
  CHECK(u.error <= 8);
}

TEST_CASE("rule smmf: packets compute what floats compute") {
  for (const auto& rule : variants)
    CHECK(support::packet_difference(chain(rule, scale_by_learning_rate{1e-3}), support::clock(), 60) <=
          support::contraction);
  CHECK(support::packet_difference(chain(scale_by_smmf_rms{}, scale_by_learning_rate{1e-3}), support::clock(), 60) <=
        support::contraction);
}

TEST_CASE("rule smmf: the first step is 1 - beta in size, whatever the gradient's") {
  const auto frame = scale_by_smmf{.eps = 1e-30}.fold({.t = 1});
  for (const float g : {1.0f, -3e-15f, 7e15f}) {
    float m = 0, v = 0;
    CHECK(scale_by_smmf::apply(frame, g, m, v) == doctest::Approx(g > 0 ? 0.1 : -0.1));
    CHECK(v == g * g);
  }
  float m = 0, v = 0;
  CHECK(scale_by_smmf::apply(frame, 0.0f, m, v) == 0.0f);
}

TEST_CASE("rule smmf: schedules are folded in double: complements are not one minus a rounded number") {
  const auto late = scale_by_smmf{.beta = 0.9, .decay_rate = -0.8, .growth_rate = 0.999}.fold({.t = 100000});
  CHECK(late.c2 == static_cast<float>(std::pow(100000.0, -0.8)));
  CHECK(late.c2 != 1 - late.b2);
  CHECK(late.b2 == static_cast<float>(1 - std::pow(100000.0, -0.8)));
  const auto second = scale_by_smmf{}.fold({.t = 2});
  CHECK((second.b1 == static_cast<float>(0.9 * 0.999) && second.c1 == static_cast<float>(1 - 0.9 * 0.999)));
  const auto rms = scale_by_smmf_rms{}.fold({.t = 4});
  CHECK((rms.b2 == 0.5f && rms.c2 == 0.5f));
  CHECK((scale_by_smmf{.growth_rate = 0}.fold({.t = 1}).b1 == 0.9f));
  CHECK((scale_by_smmf{.growth_rate = 0}.fold({.t = 2}).b1 == 0));
}
