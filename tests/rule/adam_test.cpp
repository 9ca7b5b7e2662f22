// rule/adam.hpp against the paper's algorithm, in the three conventions
#include "mango/rule/adam.hpp"

#include <doctest/doctest.h>

#include "mango/rule/weight_decay.hpp"
#include "support/reference.hpp"
#include "support/trajectory.hpp"

using namespace mango;
using reference::convention;

namespace {

struct pairing {
  adam_convention ours;
  convention theirs;
};
constexpr pairing conventions[] = {{adam_convention::torch, convention::torch},
                                   {adam_convention::hf, convention::hf},
                                   {adam_convention::bnb, convention::bnb}};

auto rules(const scale_by_adam& adam, double lr) { return chain(adam, scale_by_learning_rate{lr}); }
using adam_chain = decltype(rules({}, 0));

// One step from the same state, 60 times: the largest error in m, v and u, in the units that rounding allows. The
// twin's state is the chain's, so errors do not add up, and these bounds are a few ulp.
struct step_errors {
  support::worst m, v, u;
};
step_errors errors_of_steps(const scale_by_adam& adam, convention form) {
  support::hand_loop<adam_chain> loop(rules(adam, 1), support::start());
  reference::adam twin{.lr = 1, .b1 = adam.b1, .b2 = adam.b2, .eps = adam.eps, .form = form};
  step_errors worst;
  for (std::int64_t t = 1; t <= 60; ++t) {
    const std::vector<float> g = support::gradient(t);
    const std::vector<double> old = support::doubles(loop.state[0]);
    twin.m = old, twin.v = support::doubles(loop.state[1]);
    loop.step<whole>(support::clock()(t), g);
    const std::vector<double> u = twin.direction(support::doubles(g));
    for (std::size_t i = 0; i < g.size(); ++i) {
      const auto at = static_cast<std::ptrdiff_t>(i);
      const double m_size = std::max(std::abs(old[i]), std::abs(static_cast<double>(g[i])));
      const double u_size = twin.m[i] == 0 ? 0 : std::abs(u[i]) * (m_size / std::abs(twin.m[i]) + 1);
      worst.m.add(static_cast<double>(loop.state[0][i]), twin.m[i], support::unit * m_size, at);
      worst.v.add(static_cast<double>(loop.state[1][i]), twin.v[i], support::unit * twin.v[i], at);
      worst.u.add(-static_cast<double>(loop.u[i]), u[i], support::unit * u_size, at);
    }
  }
  return worst;
}

}  // namespace

static_assert(gradient_rule<scale_by_adam> && !parameter_rule<scale_by_adam> && !measured_rule<scale_by_adam>);
static_assert(slot_count<scale_by_adam> == 2 && scale_by_adam::slots[1].values == range::nonnegative);
static_assert(scale_by_adam::slots[0].values == range::any);

TEST_CASE("rule adam: each step is the paper's within a few roundings") {
  for (const auto& c : conventions)
    for (const double eps : {1e-8, 1e-2}) {
      const step_errors worst = errors_of_steps({.eps = eps, .convention = c.ours}, c.theirs);
      CAPTURE(name_of(c.ours));
      CAPTURE(worst.m.at);
      CHECK(worst.m.error <= 3);
      CHECK(worst.v.error <= 4);
      CHECK(worst.u.error <= 8);
    }
  CHECK(errors_of_steps({.b1 = 0, .b2 = 0}, convention::torch).u.error <= 8);
  CHECK(errors_of_steps({.b1 = 0.5, .b2 = 0.9999999}, convention::torch).u.error <= 8);
}

TEST_CASE("rule adam: 100 steps stay with the twin") {
  for (const auto& c : conventions)
    for (const double eps : {1e-8, 1e-2}) {
      CAPTURE(name_of(c.ours));
      support::hand_loop loop(rules({.eps = eps, .convention = c.ours}, 1e-2), support::start());
      reference::adam twin{.lr = 1e-2, .eps = eps, .form = c.theirs};
      const auto worst = support::run_against_twin<whole>(
          loop, [&](auto& p, const auto& g, auto) { twin.step(p, g); }, support::clock(), 100);
      CHECK(worst.error <= 1e-5);
      CHECK(loop.p != support::start());
    }
}

TEST_CASE("rule adam: the conventions are told apart by eps") {
  const auto run = [](adam_convention c, double eps) {
    support::hand_loop loop(rules({.eps = eps, .convention = c}, 1), support::start());
    loop.step<whole>({}, support::gradient(1));
    return support::doubles(loop.u);
  };
  const auto apart = [](const std::vector<double>& a, const std::vector<double>& b) {
    double most = 0;
    for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
    return most;
  };
  const auto torch = run(adam_convention::torch, 1e-2), hf = run(adam_convention::hf, 1e-2);
  CHECK(apart(torch, run(adam_convention::bnb, 1e-2)) == 0);  // equal in exact arithmetic, and computed as one
  CHECK(apart(torch, hf) > 0.1);                                // at t = 1 hf's eps is worth 31.6 of torch's
  CHECK(apart(hf, run(adam_convention::torch, 1e-2 / std::sqrt(1 - 0.999))) < 1e-6);
}

TEST_CASE("rule adam: packets compute what floats compute") {
  for (const auto& c : conventions)
    CHECK(support::packet_difference(rules({.convention = c.ours}, 1e-2), support::clock(), 60) <=
          support::contraction);
}

TEST_CASE("rule adam: bias correction at steps 1, 2 and 10^6") {
  const auto fold = [](std::int64_t t, adam_convention c = adam_convention::torch, double eps = 1e-8) {
    return scale_by_adam{.eps = eps, .convention = c}.fold({.t = t});
  };
  const auto close = [](float got, double expected) {
    return std::abs(static_cast<double>(got) - expected) <= 1.0001 * support::unit * std::abs(expected);
  };
  CHECK(close(fold(1).b1, 0.9));
  CHECK(close(fold(1).c1, 0.1));
  CHECK(close(fold(1).b2, 0.999));
  CHECK(close(fold(1).c2, 0.001));  // 1 - 0.999f would be 1.3e-5 off

  using enum adam_convention;
  for (const auto c : {torch, hf, bnb}) {
    CHECK(close(fold(1, c).factor, 0.31622776601683794));
    CHECK(close(fold(2, c).factor, std::sqrt(0.001999) / 0.19));
    CHECK(close(fold(1000, c).factor, std::sqrt(1 - std::pow(0.999, 1000)) / (1 - std::pow(0.9, 1000))));
    CHECK(fold(1000000, c).factor == 1);
    CHECK(fold(1000000, c, 1e-3).eps == 1e-3f);
  }
  CHECK(close(fold(1, hf, 1e-3).eps, 1e-3));
  for (const auto c : {torch, bnb}) {
    CHECK(close(fold(1, c, 1e-3).eps, 1e-3 * 0.031622776601683794));
    CHECK(close(fold(2, c, 1e-3).eps, 1e-3 * std::sqrt(0.001999)));
  }
}

TEST_CASE("rule adam: the first step is the sign of the gradient") {
  float m = 0, v = 0;
  const auto frame = scale_by_adam{}.fold({});
  for (const float g : {1.0f, -1.0f, 3e-5f, -7e8f}) {
    m = v = 0;
    CHECK(std::abs(scale_by_adam::apply(frame, g, m, v) - (g > 0 ? 1.0f : -1.0f)) < 4e-4f);
  }
  m = v = 0;
  CHECK(scale_by_adam::apply(frame, 0.0f, m, v) == 0.0f);
  CHECK((m == 0 && v == 0));
}

TEST_CASE("rule adam: as words") {
  CHECK(name_of(adam_convention::torch) == std::string_view("torch"));
  CHECK(name_of(adam_convention::hf) == std::string_view("hf"));
  CHECK(name_of(adam_convention::bnb) == std::string_view("bnb"));
}
