// rule/adopt.hpp against the paper's algorithm, in both conventions and as an angle
#include "mango/rule/adopt.hpp"

#include <doctest/doctest.h>

#include "mango/rule/cautious_decay.hpp"
#include "mango/rule/momentum.hpp"
#include "mango/store/factored.hpp"
#include "rule/follow.hpp"
#include "support/trajectory.hpp"

using namespace mango;
using namespace rule_test;

namespace {

constexpr auto adv = adopt_convention::adv;
constexpr scale_by_adopt variants[] = {
    {},        {.b2 = 0.9, .eps = 1e-2},  {.b2 = 0.99, .convention = adv}, {.b2 = 0.9, .eps = 1e-2, .convention = adv},
    {.b2 = 0}, {.b2 = 0.9, .atan2 = true}};

reference::adopt twin_of(const scale_by_adopt& r) {
  return {.b2 = r.b2, .eps = r.eps, .added = r.convention == adv, .angle = r.atan2};
}
auto adopt(const scale_by_adopt& rule, double decay = 0) {
  return chain(rule, average_updates{},
               cautious_step{.learning_rate = 0.01, .weight_decay = decay, .waits = rule.atan2 ? 0 : 1});
}

}  // namespace

static_assert(gradient_rule<scale_by_adopt> && scale_by_adopt::slots[0].values == range::nonnegative);

TEST_CASE("rule adopt: 100 steps stay with the twin, numbers and packets") {
  for (const auto& rule : variants) {
    CAPTURE(rule.b2);
    CAPTURE(rule.atan2);
    support::hand_loop loop(chain(rule, scale_by_learning_rate{1e-2}), support::start());
    auto its = twin_of(rule);
    const auto worst = support::run_against_twin<one>(
        loop,
        [&](auto& p, const auto& g, auto) {
          const auto u = its.direction(g);
          for (std::size_t i = 0; i < p.size(); ++i) p[i] -= 1e-2 * u[i];
        },
        support::clock(), 100);
    CHECK(worst.error <= 1e-5);
    support::worst v;
    for (std::size_t i = 0; i < its.v.size(); ++i)
      v.add(static_cast<double>(loop.state[0][i]), its.v[i], its.v[i], static_cast<std::ptrdiff_t>(i));
    CHECK(v.error <= 1e-5);
    CHECK(support::packet_difference(loop.chain, support::clock(), 60) <= support::contraction);
  }
}

TEST_CASE("rule adopt: with momentum and decay an optimizer follows the twin step by step") {
  for (const index_t n : sizes)
    for (const auto& rule : variants) {
      CAPTURE(n);
      auto its = twin_of(rule);
      reference::gradient_average average;
      const auto twin = [&](numbers& p, const numbers& g) {
        const auto u = average.direction(its.direction(g));
        if (average.t > 1 || rule.atan2) reference::cautious_step(p, u, 0.01, 0.1);
      };
      CHECK(follow(adopt(rule, 0.1), stores<fp32, fp32>{}, n, twin) < 5e-6);
    }
}

TEST_CASE("rule adopt: the first step writes v = g^2, and the parameter keeps every bit, decay or not") {
  const auto run = []<class S>(S s) {
    optimizer opt{adopt({}, 0.1), s};
    const auto id = opt.add("w", 1020);
    auto p = optim_test::uniform(1020, 1);
    const auto before = p;
    opt.begin_step().update(id, p, gradient(1020, 1));
    CHECK(optim_test::same_bits(p, before));
    opt.begin_step().update(id, p, gradient(1020, 2));
    CHECK(!optim_test::same_bits(p, before));
  };
  run(stores<fp32, fp32>{});
  run(stores<factored<>, factored<>>{});
  optimizer opt{adopt({}), stores<fp32, fp32>{}};
  const auto id = opt.add("w", 1009);
  const auto g = gradient(1009, 1);
  std::vector<float> p(1009);
  opt.begin_step().update(id, p, g);
  const auto v = optim_test::floats_of(opt, "w", "v");
  REQUIRE(v.size() == g.size());
  for (std::size_t i = 0; i < g.size(); ++i) CHECK(support::ulps_apart(v[i], g[i] * g[i]) <= 2);
}

TEST_CASE("rule adopt: the direction is clipped to the fourth root of the steps that have counted") {
  for (const std::int64_t t : {2, 17, 82, 257}) {
    const auto k = scale_by_adopt{}.fold({.t = t});
    const auto limit = static_cast<float>(std::pow(static_cast<double>(t - 1), 0.25));
    for (const float g : {1.0f, -1.0f}) {
      float quiet = 1e-6f, calm = 1;
      CHECK(scale_by_adopt::apply(k, g, quiet) == g * limit);
      CHECK(scale_by_adopt::apply(k, g * 0.5f, calm) == g * 0.5f);
    }
  }
  // not the quotient by the v that has seen this gradient
  float v = 4;
  const auto k = scale_by_adopt{.b2 = 0.5}.fold({.t = 100});
  CHECK(scale_by_adopt::apply(k, 4.0f, v) == 2.0f);
  CHECK(v == 10.0f);
}

TEST_CASE("rule adopt: as an angle it moves by lr (1 - b1) in the first step, needs no eps, and has no scale") {
  const scale_by_adopt rule{.eps = 0, .atan2 = true};
  updates run(adopt(rule), stores<fp32, fp32>{}, std::vector<float>(4));
  const auto first = run({3e-12f, -2.0f, 0.0f, 5e15f});
  const double expected[] = {-0.001, 0.001, 0, -0.001};
  for (std::size_t i = 0; i < 4; ++i) CHECK(std::abs(static_cast<double>(first[i]) - expected[i]) <= 3e-10);
  for (const float u : run({1e18f, 0, 0, 0})) CHECK(std::abs(u) <= 0.01f * (0.1f * 2 + 0.09f));
  const auto trained = [&]<class S>(S s, float scale) {
    optimizer opt{adopt(rule, 0.1), s};
    const auto id = opt.add("w", 1020);
    auto p = optim_test::uniform(1020, 1);
    for (unsigned t = 1; t <= 30; ++t) {
      auto g = gradient(1020, t);
      for (float& x : g) x *= scale;
      opt.begin_step().update(id, p, g);
    }
    return p;
  };
  for (const float scale : {0x1p-20f, 0x1p13f}) {
    CHECK(optim_test::same_bits(trained(stores<fp32, fp32>{}, 1), trained(stores<fp32, fp32>{}, scale)));
    CHECK(optim_test::same_bits(trained(stores<factored<>, factored<>>{}, 1),
                                trained(stores<factored<>, factored<>>{}, scale)));
  }
}

TEST_CASE("rule adopt: where v is as small as eps the conventions differ, and a gradient that was zero is clipped") {
  const auto apply = [](const scale_by_adopt& rule, float g, float v, double distance = 1) {
    return static_cast<double>(scale_by_adopt::apply(rule.fold({.t = 1000, .distance = distance}), g, v));
  };
  CHECK(apply({.eps = 0.5}, 1, 0.25f) == 2);
  CHECK(apply({.eps = 0.5, .convention = adv}, 1, 0.25f) == 1);
  CHECK(apply({.eps = 0.5}, 1, 0.0625f) == 2);
  CHECK(apply({.eps = 0.5, .convention = adv}, 1, 4) == 0.4f);
  CHECK(apply({.eps = 1}, 1, 0, 0.5) == 2);  // eps is relative to the distance
  CHECK(apply({.eps = 1, .convention = adv}, 1, 0, 0.5) == 2);
  updates run(chain(scale_by_adopt{}), stores<fp32>{}, std::vector<float>(2));
  CHECK(support::first_difference(run({0, 0}), std::vector<float>(2)) == -1);
  CHECK(run({1, -1}) == std::vector<float>{1, -1});
  CHECK(run({0, 0}) == std::vector<float>{0, 0});
}

TEST_CASE("rule adopt: another b2 for one step is the average's") {
  const auto own = scale_by_adopt{}.fold({.t = 5}), chosen = scale_by_adopt{}.fold({.t = 5, .b2 = 0.9});
  CHECK((own.b2 == 0.9999f && own.c2 == static_cast<float>(1e-4) && chosen.b2 == 0.9f && chosen.c2 == 0.1f));
  CHECK(own.c2 != 1 - 0.9999f);
}
