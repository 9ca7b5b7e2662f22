// rule/second_moment.hpp against the textbook: Adam's second half, as a quotient and as an angle
#include "mango/rule/second_moment.hpp"

#include <doctest/doctest.h>

#include "mango/rule/adam.hpp"
#include "mango/rule/momentum.hpp"
#include "mango/rule/weight_decay.hpp"
#include "mango/store/factored.hpp"
#include "rule/follow.hpp"
#include "support/trajectory.hpp"

using namespace mango;
using namespace rule_test;
using reference::angle;

namespace {

constexpr scale_by_second_moment variants[] = {{},
                                               {.b2 = 0.9, .eps = 1e-4},
                                               {.b1 = 0},
                                               {.b2 = 0.95, .bias_correction = false},
                                               {.atan2 = true},
                                               {.b2 = 0.99, .atan2 = true, .atan2_inside = true},
                                               {.b2 = 0.9, .bias_correction = false, .atan2 = true},
                                               {.b2 = 0.99, .atan2 = true, .atan2_inside = true, .atan2_scale = 1.27}};

reference::second_moment twin_of(const scale_by_second_moment& r) {
  return {.b2 = r.b2,
          .eps = r.eps,
          .b1 = r.b1,
          .corrected = r.bias_correction,
          .form = !r.atan2         ? angle::none
                  : r.atan2_inside ? angle::inside
                                   : angle::outside,
          .scale = r.atan2_scale};
}

// a run whose gradients are multiplied by `scale`
template <class S> std::vector<float> trained(const scale_by_second_moment& rule, S s, float scale) {
  optimizer opt{chain(average_updates{}, rule, decoupled_step{0.01, 0.1}), s};
  const auto id = opt.add("w", 1020);
  auto p = optim_test::uniform(1020, 1);
  for (unsigned t = 1; t <= 30; ++t) {
    auto g = gradient(1020, t);
    for (float& x : g) x *= scale;
    opt.begin_step().update(id, p, g);
  }
  return p;
}

}  // namespace

static_assert(steering_rule<scale_by_second_moment> && scaling_rule<scale_by_second_moment>);
static_assert(scale_by_second_moment::slots[0].values == range::nonnegative);

TEST_CASE("rule second_moment: 100 steps stay with the twin, numbers and packets") {
  for (const auto& rule : variants) {
    CAPTURE(rule.b2);
    CAPTURE(rule.atan2);
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
    CHECK(support::packet_difference(rules, support::clock(), 60) <= support::contraction);
  }
}

TEST_CASE("rule second_moment: an optimizer follows the twin step by step") {
  for (const index_t n : sizes)
    for (const auto& rule : {variants[0], variants[4], variants[5]}) {
      CAPTURE(n);
      reference::gradient_average average;
      auto its = twin_of(rule);
      const auto twin = [&](numbers& p, const numbers& g) {
        const auto u = its.direction(average.direction(g), g);
        for (std::size_t i = 0; i < p.size(); ++i) p[i] -= 0.01 * u[i];
      };
      const auto rules = chain(average_updates{}, rule, decoupled_step{0.01});
      CHECK(follow(rules, stores<fp32, fp32>{}, n, twin) < 5e-6);
    }
}

TEST_CASE("rule second_moment: after an average it is Adam, and with the factor left to the next rule as well") {
  support::hand_loop parts(chain(average_updates{}, scale_by_second_moment{}), support::start());
  support::hand_loop left(chain(average_updates{}, scale_by_second_moment{}, scale_by_learning_rate{1}),
                          support::start());
  support::hand_loop adam(chain(scale_by_adam{}), support::start());
  static_assert(decltype(left.chain)::rest::unscaled);
  support::worst one_rule, next_rule;
  for (std::int64_t t = 1; t <= 60; ++t) {
    const auto g = support::gradient(t);
    parts.step<whole>(support::clock()(t), g);
    left.step<whole>(support::clock()(t), g);
    adam.step<whole>(support::clock()(t), g);
    for (std::size_t i = 0; i < g.size(); ++i) {
      one_rule.add(static_cast<double>(parts.u[i]), static_cast<double>(adam.u[i]), support::unit, 0);
      next_rule.add(static_cast<double>(-left.u[i]), static_cast<double>(parts.u[i]), support::unit, 0);
    }
  }
  CHECK(one_rule.error <= 16);
  CHECK(next_rule.error <= 4);
}

TEST_CASE("rule second_moment: with atan2, gradients a power of two larger lead to the same bits") {
  for (const auto& rule : {variants[4], variants[5], variants[6]})
    for (const float scale : {0x1p-20f, 0x1p13f}) {
      CHECK(optim_test::same_bits(trained(rule, stores<fp32, fp32>{}, 1), trained(rule, stores<fp32, fp32>{}, scale)));
      CHECK(optim_test::same_bits(trained(rule, stores<factored<>, factored<>>{}, 1),
                                  trained(rule, stores<factored<>, factored<>>{}, scale)));
    }
  // which eps does not allow
  const scale_by_second_moment plain{.eps = 1e-4};
  CHECK(
      !optim_test::same_bits(trained(plain, stores<fp32, fp32>{}, 1), trained(plain, stores<fp32, fp32>{}, 0x1p-20f)));
}

TEST_CASE("rule second_moment: atan2 needs no eps, and keeps every update below 2 over the bias of momentum") {
  const scale_by_second_moment rule{.b2 = 0.5, .eps = 0, .b1 = 0.99, .atan2 = true};
  updates run(chain(average_updates{0.99}, rule), stores<fp32, fp32>{}, std::vector<float>(17));
  for (int t = 1; t <= 3; ++t)
    CHECK(support::first_difference(run(std::vector<float>(17)), std::vector<float>(17)) == -1);
  for (const float g : {1e-12f, -1e12f}) {
    float largest = 0, over = 0;
    for (int t = 0; t < 60; ++t) {  // v forgets faster than m
      const float u = std::abs(run(std::vector<float>(17, t == 0 ? g : 0))[5]);
      const float most = 2 / (1 - std::pow(0.99f, static_cast<float>(run.opt.updates(run.id))));
      largest = std::max(largest, u);
      over = std::max(over, u / most);
    }
    CHECK(largest > 3.0f);
    CHECK(over <= 1.000001f);
  }
}

TEST_CASE("rule second_moment: another b2 for one step changes the average, not the bias correction") {
  const scale_by_second_moment rule{.b2 = 0.999, .eps = 1e-3};
  const auto own = rule.fold({.t = 5}), chosen = rule.fold({.t = 5, .b2 = 0.9}), never = rule.fold({.t = 5, .b2 = 0});
  CHECK((own.b2 == 0.999f && own.c2 == 0.001f && chosen.b2 == 0.9f && chosen.c2 == 0.1f && never.b2 == 0));
  CHECK(own.c2 != 1 - 0.999f);
  CHECK((chosen.factor == own.factor && chosen.eps == own.eps));
  const double root = std::sqrt(1 - std::pow(0.999, 5));
  CHECK(own.factor == static_cast<float>(root / (1 - std::pow(0.9, 5))));
  CHECK(rule.fold({.t = 5, .distance = 1e-6}).eps == static_cast<float>(1e-9 * root));
  CHECK(own.eps == static_cast<float>(1e-3 * root));
}

TEST_CASE("rule second_moment: a gradient whose square is no float is no error") {
  float v = 0;
  const auto k = scale_by_second_moment{.b2 = 0.999}.fold({.t = 1});
  const float u = scale_by_second_moment::steer(k, 0.1f * 3e20f, 3e20f, v);
  CHECK(static_cast<double>(v) == doctest::Approx(9e37));
  CHECK(static_cast<double>(u) == doctest::Approx(1));
}
