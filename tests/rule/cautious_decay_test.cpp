// rule/cautious_decay.hpp against the algorithm: weights shrink where the step shrinks them
#include "mango/rule/cautious_decay.hpp"

#include <doctest/doctest.h>

#include "mango/rule/momentum.hpp"
#include "mango/rule/second_moment.hpp"
#include "mango/rule/weight_decay.hpp"
#include "rule/follow.hpp"
#include "support/trajectory.hpp"

using namespace mango;
using namespace rule_test;

namespace {

constexpr cautious_step variants[] = {{.learning_rate = 1e-2, .weight_decay = 0.5},
                                      {.learning_rate = 1e-2},
                                      {.learning_rate = 1e-2, .weight_decay = 0.5, .cautious = false},
                                      {.learning_rate = 1e-2, .weight_decay = 2, .waits = 3}};

}  // namespace

static_assert(parameter_rule<cautious_step> && absorbing_rule<cautious_step> && slot_count<cautious_step> == 0);

TEST_CASE("rule cautious_decay: 100 steps stay with the twin, numbers and packets") {
  for (const auto& rule : variants) {
    CAPTURE(rule.weight_decay);
    CAPTURE(rule.waits);
    support::hand_loop loop(chain(average_updates{}, rule), support::start());
    reference::gradient_average average;
    const auto worst = support::run_against_twin<one>(
        loop,
        [&](auto& p, const auto& g, auto t) {
          const auto u = average.direction(g);
          if (t > rule.waits) reference::cautious_step(p, u, 1e-2, rule.weight_decay, rule.cautious);
        },
        support::clock(), 100);
    CHECK(worst.error <= 1e-5);
    CHECK(support::packet_difference(loop.chain, support::clock(), 60) <= support::contraction);
  }
}

TEST_CASE("rule cautious_decay: after the second moment, whose factor it takes over, an optimizer follows the twin") {
  const auto rules = chain(average_updates{}, scale_by_second_moment{}, variants[0]);
  static_assert(decltype(rules)::rest::unscaled);
  for (const index_t n : sizes) {
    CAPTURE(n);
    reference::gradient_average average;
    reference::second_moment second;
    const auto twin = [&](numbers& p, const numbers& g) {
      reference::cautious_step(p, second.direction(average.direction(g), g), 1e-2, 0.5);
    };
    CHECK(follow(rules, stores<fp32, fp32>{}, n, twin) < 5e-6);
  }
}

TEST_CASE("rule cautious_decay: it decays where u p >= 0, also where either is 0, and nowhere else") {
  const auto k = cautious_step{.learning_rate = 0.25, .weight_decay = 0.5}.fold({});
  const auto step = [&](float u, float p) { return cautious_step::apply(k, u, p); };
  CHECK(step(1, 2) == -0.25f - 0.25f);
  CHECK(step(-1, -2) == 0.25f + 0.25f);
  CHECK(step(1, -2) == -0.25f);
  CHECK(step(-1, 2) == 0.25f);
  CHECK(step(0, 2) == -0.25f);
  CHECK(step(0, -2) == 0.25f);
  CHECK(step(-0.0f, 2) == -0.25f);
  CHECK(step(1, 0) == -0.25f);
  CHECK(step(-1, -0.0f) == 0.25f);
}

TEST_CASE("rule cautious_decay: without caution it is the decoupled step, and with it decay never enlarges a step") {
  support::hand_loop careless(chain(variants[2]), support::start());
  support::hand_loop plain(chain(decoupled_step{1e-2, 0.5}), support::start());
  support::hand_loop careful(chain(variants[0]), support::start());
  int fewer = 0;
  for (std::int64_t t = 1; t <= 40; ++t) {
    const auto g = support::gradient(t);
    careless.step<whole>(support::clock()(t), g);
    plain.step<whole>(support::clock()(t), g);
    careful.step<whole>(support::clock()(t), g);
    fewer += careful.p != plain.p;
    CHECK(support::first_difference(careless.p, plain.p) == -1);
  }
  CHECK(fewer == 40);
}

TEST_CASE(
    "rule cautious_decay: the rate is the caller's or the schedule's, times the distance, and decay goes with it") {
  const cautious_step rule{.learning_rate = 1e-2, .weight_decay = 0.5};
  const auto own = rule.fold({}), given = rule.fold({.learning_rate = 2}), learned = rule.fold({.distance = 1e-4});
  CHECK((own.a == -0.01f && own.b == -0.005f && own.cautious));
  CHECK((given.a == -2 && given.b == -1));
  CHECK((learned.a == static_cast<float>(-1e-6) && learned.b == static_cast<float>(-5e-7)));
  auto taken = own;
  cautious_step::absorb(taken, 3);
  CHECK((taken.a == own.a * 3 && taken.b == own.b));
}

TEST_CASE("rule cautious_decay: while it waits every bit of a weight stays, per tensor, and momentum does not wait") {
  optimizer opt{chain(average_updates{}, variants[3]), stores<fp32>{}};
  const auto early = opt.add("early", 17), late = opt.add("late", 17);
  auto p = optim_test::uniform(17, 1), q = p;
  const auto start = p;
  for (unsigned t = 1; t <= 5; ++t) {
    const auto step = opt.begin_step();
    step.update(early, p, gradient(17, t));
    if (t > 1) step.update(late, q, gradient(17, t));
    CHECK(optim_test::same_bits(p, start) == (t <= 3));
    CHECK(optim_test::same_bits(q, start) == (t <= 4));
  }
  CHECK(optim_test::floats_of(opt, "late", "m")[0] != 0);
}
