// rule/chain.hpp and rule/rule.hpp: how rules compose, and rules of one's own, written on float or on any number
#include "mango/rule/chain.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "mango/rule/adam.hpp"
#include "mango/rule/average.hpp"
#include "mango/rule/clip.hpp"
#include "mango/rule/global_norm.hpp"
#include "mango/rule/momentum.hpp"
#include "mango/rule/weight_decay.hpp"
#include "support/trajectory.hpp"

using namespace mango;

namespace {

// The largest gradient so far and a count, on any number; no product is added to anything, so no contraction.
struct by_largest {
  static constexpr std::array slots{slot{"largest", range::nonnegative}, slot{"count"}};
  struct frame {
    float one;
  };
  frame fold(const step_info& s) const { return {s.t > 0 ? 1.0f : 0.0f}; }
  template <class T> MANGO_HD static T apply(const frame& k, T u, T& largest, T& count) {
    largest = math::max(largest, math::abs(u));
    count = count + T(k.one);
    return u / (largest + count);
  }
};
// The same, written on float alone.
struct by_largest_float {
  static constexpr std::array slots = by_largest::slots;
  using frame = by_largest::frame;
  frame fold(const step_info& s) const { return by_largest{}.fold(s); }
  static float apply(const frame& k, float u, float& largest, float& count) {
    return by_largest::apply(k, u, largest, count);
  }
};

// The distance from the parameter, which it reads; one slot.
struct towards {
  static constexpr std::array slots{slot{"last"}};
  struct frame {};
  frame fold(const step_info&) const { return {}; }
  template <class T> MANGO_HD static T apply(const frame&, T u, T p, T& last) {
    const T distance = u - p;
    const T moved = distance - last;
    last = distance;
    return moved;
  }
};
struct towards_float {
  static constexpr std::array slots = towards::slots;
  using frame = towards::frame;
  frame fold(const step_info&) const { return {}; }
  static float apply(const frame& k, float u, float p, float& last) { return towards::apply(k, u, p, last); }
};

// Twice the update if the parameter is positive; float alone, and no slots.
struct doubled_float {
  static constexpr std::array<slot, 0> slots{};
  struct frame {};
  frame fold(const step_info&) const { return {}; }
  static float apply(const frame&, float u, float p) { return p > 0 ? 2 * u : u; }
};

// Two chains that mean the same, 50 steps on packets and on floats: p and every slot bit for bit.
template <class A, class B> void check_same(const A& a, const B& b) {
  static_assert(slot_count<A> == slot_count<B>);
  support::hand_loop x(a, support::start());
  support::hand_loop y(b, support::start());
  for (std::int64_t t = 1; t <= 50; ++t) {
    const std::vector<float> g = support::gradient(t);
    x.template step<whole>(support::clock()(t), g);
    y.template step<whole>(support::clock()(t), g);
    CHECK(support::first_difference(x.p, y.p) == -1);
    for (std::size_t k = 0; k < x.slots; ++k) CHECK(support::first_difference(x.state[k], y.state[k]) == -1);
  }
  CHECK(x.p != support::start());
}

struct no_frame {
  static constexpr std::array<slot, 0> slots{};
  static float apply(int, float u) { return u; }
};

}  // namespace

static_assert(gradient_rule<by_largest> && gradient_rule<by_largest_float> && !parameter_rule<by_largest_float>);
static_assert(parameter_rule<towards> && parameter_rule<towards_float> && !gradient_rule<towards_float>);
static_assert(update_rule<doubled_float> && !measured_rule<doubled_float> && !update_rule<no_frame> &&
              !update_rule<int>);

// chain() is the unit, and composition is associative
static_assert(std::is_same_v<decltype(chain()), chain_t<>>);
static_assert(std::is_same_v<decltype(chain(chain(), by_largest{}, chain())), chain_t<by_largest>>);
static_assert(std::is_same_v<decltype(chain(chain(by_largest{}, towards{}), doubled_float{})),
                             decltype(chain(by_largest{}, chain(towards{}, doubled_float{})))>);

TEST_CASE("rule chain: chains of chains flatten wherever they stand") {
  using flat = chain_t<by_largest, towards, doubled_float>;
  const chain_t<by_largest> a{};
  const chain_t<towards> b{};
  const chain_t<doubled_float> c{};
  CHECK(std::is_same_v<decltype(chain(by_largest{}, towards{}, c)), flat>);
  CHECK(std::is_same_v<decltype(chain(by_largest{}, b, doubled_float{})), flat>);
  CHECK(std::is_same_v<decltype(chain(a, towards{}, doubled_float{})), flat>);
  CHECK(std::is_same_v<decltype(chain(by_largest{}, b, c)), flat>);
  CHECK(std::is_same_v<decltype(chain(a, chain(b, c))), flat>);
  CHECK(std::is_same_v<decltype(chain(a, chain(), b, chain(), c)), flat>);
}

TEST_CASE("rule chain: slots are those of its rules in order") {
  using all = decltype(chain(clip_by_value{}, scale_by_adam{}, by_largest{}, add_decayed_weights{}, average_weights{}));
  static_assert(all::slots.size() == 5 && slot_count<all> == 5);
  const char* const expected[] = {"m", "v", "largest", "count", "average"};
  for (std::size_t i = 0; i < 5; ++i) CHECK(all::slots[i].name == std::string(expected[i]));
  CHECK((all::slots[1].values == range::nonnegative && all::slots[2].values == range::nonnegative));
  CHECK((all::slots[0].values == range::any && all::slots[4].values == range::any));
  static_assert(slot_count<chain_t<>> == 0 && slot_count<decltype(chain(clip_by_value{}))> == 0);
}

TEST_CASE("rule chain: what it reads and measures") {
  static_assert(!decltype(chain(scale_by_adam{}, scale_by_learning_rate{}))::reads_parameter);
  static_assert(decltype(chain(scale_by_adam{}, decoupled_step{}))::reads_parameter);
  static_assert(decltype(chain(doubled_float{}, scale_by_adam{}))::reads_parameter);
  static_assert(!chain_t<>::reads_parameter && chain_t<>::measured == 0);
  static_assert(decltype(chain(clip_by_global_norm{}, scale_by_adam{}))::measured == 1);
  CHECK((!chain().measures() && chain().scale({}) == 1));
}

TEST_CASE("rule chain: keeps the values of its rules") {
  const auto nested = chain(chain(clip_by_value{3}, scale_by_adam{.b1 = 0.5}), decoupled_step{0.25, 0.125});
  const auto frame = nested.fold({.t = 1});
  CHECK(frame.head.limit == 3);
  CHECK(frame.tail.head.b1 == 0.5f);
  CHECK(frame.tail.tail.head.a == -0.25f * frame.tail.head.factor);
}

TEST_CASE("rule chain: rules run first to last, each on what the one before returned") {
  float none[1] = {};
  const auto ab = chain(clip_by_value{1}, scale_by_learning_rate{10.0});
  const auto ba = chain(scale_by_learning_rate{10.0}, clip_by_value{1});
  CHECK(decltype(ab)::run<0>(ab.fold({}), 3.0f, 0.0f, none) == -10);
  CHECK(decltype(ba)::run<0>(ba.fold({}), 3.0f, 0.0f, none) == -1);
  CHECK(chain_t<>::run<0>({}, 3.0f, 7.0f, none) == 3);
}

TEST_CASE("rule chain: each rule has slots of its own") {
  const auto rules = chain(scale_by_momentum{.momentum = 0.5}, by_largest_float{}, towards{}, by_largest{});
  support::hand_loop loop(rules, std::vector<float>(support::run_size, 1.0f));
  loop.step<whole>({.t = 1}, std::vector<float>(support::run_size, -8.0f));
  // momentum keeps -8; its largest is 8, the count 1, and u = -8/9; the distance to 1 is -17/9, which is u; and so on
  const float expected[] = {-8, 8, 1, -8.0f / 9 - 1, 8.0f / 9 + 1, 1};
  for (std::size_t k = 0; k < 6; ++k) CHECK(loop.state[k] == std::vector<float>(support::run_size, expected[k]));
  loop.step<whole>({.t = 2}, std::vector<float>(support::run_size, 2.0f));
  CHECK(loop.state[0][0] == -2);
  CHECK((loop.state[1][0] == 8 && loop.state[2][0] == 2 && loop.state[5][0] == 2));
}

TEST_CASE("rule chain: a rule that multiplies takes over the factor of the one before it, and no other does") {
  const step_info third{.t = 3};
  const scale_by_adam adam{.eps = 1e-3};
  const decoupled_step step{.learning_rate = 0.01, .weight_decay = 0.1};
  const float factor = adam.fold(third).factor;
  CHECK(factor < 0.9f);
  const auto together = chain(adam, step).fold(third);
  CHECK(together.tail.head.a == step.fold(third).a * factor);
  CHECK(together.tail.head.b == step.fold(third).b);
  const auto rate = chain(adam, scale_by_learning_rate{0.01}).fold(third);
  CHECK(rate.tail.head.minus_lr == scale_by_learning_rate{0.01}.fold(third).minus_lr * factor);
  const auto apart = chain(adam, doubled_float{}, step).fold(third);
  CHECK(apart.tail.tail.head.a == step.fold(third).a);
  CHECK(chain(step, adam).fold(third).head.a == step.fold(third).a);

  float s[] = {0.2f, 0.3f}, t[] = {0.2f, 0.3f}, m = 0.2f, v = 0.3f;
  const float u = decltype(chain(adam, step))::run<0>(together, 0.5f, 2.0f, s);
  const float direction = scale_by_adam::apply(adam.fold(third), 0.5f, m, v);
  const float expected = decoupled_step::apply(step.fold(third), direction, 2.0f);
  CHECK(std::abs(u - expected) <= 1e-6f * std::abs(expected));
  CHECK((s[0] == m && s[1] == v));
  CHECK(decltype(chain(adam, doubled_float{}, step))::run<0>(apart, 0.5f, 2.0f, t) ==
        decoupled_step::apply(step.fold(third), 2 * direction, 2.0f));
}

TEST_CASE("rule chain: a rule on float alone does in a packet what it does alone") {
  check_same(chain(by_largest{}), chain(by_largest_float{}));
  check_same(chain(towards{}), chain(towards_float{}));
  check_same(chain(scale_by_adam{}, by_largest{}, towards{}, average_weights{}),
             chain(scale_by_adam{}, by_largest_float{}, towards_float{}, average_weights{}));
  check_same(chain(towards{}, scale_by_adam{}, by_largest{}),
             chain(towards_float{}, scale_by_adam{}, by_largest_float{}));
}

TEST_CASE("rule chain: number by number is packet by packet") {
  CHECK(support::packet_difference(chain(by_largest{}, towards{}), support::clock(), 50) == 0);
  CHECK(support::packet_difference(chain(by_largest_float{}, towards_float{}, doubled_float{}), support::clock(), 50) ==
        0);
  CHECK(support::packet_difference(chain(clip_by_value{100}, add_decayed_weights{0.1}, scale_by_adam{},
                                         by_largest_float{}, decoupled_step{1e-2, 0.1}, average_weights{}),
                                   support::clock(), 50) <= support::contraction);
}

TEST_CASE("rule chain: every hyperparameter of every rule is visited in order") {
  std::string seen;
  const auto visit = [&](const char* name, auto, auto...) { seen += std::string(name) + " "; };
  chain(clip_by_global_norm{}, by_largest{}, scale_by_adam{}, scale_by_momentum{}, decoupled_step{})
      .hyperparameters(visit);
  CHECK(seen ==
        "max_norm b1 b2 eps convention bias_correction momentum dampening nesterov learning_rate learning_rate.peak "
        "weight_decay ");
}
