// rule/weight_decay.hpp and rule/learning_rate.hpp: coupled, decoupled before and after, and who sets the rate
#include "mango/rule/weight_decay.hpp"

#include <doctest/doctest.h>

#include "mango/rule/adam.hpp"
#include "mango/rule/momentum.hpp"
#include "support/reference.hpp"
#include "support/trajectory.hpp"

using namespace mango;

namespace {

template <class Chain, class Twin> double error_of(const Chain& rules, Twin twin) {
  support::hand_loop loop(rules, support::start());
  return support::run_against_twin<whole>(
             loop, [&](auto& p, const auto& g, auto) { twin.step(p, g); }, support::clock(), 60)
      .error;
}

constexpr double lr = 1e-2, wd = 0.1;

}  // namespace

static_assert(parameter_rule<add_decayed_weights> && parameter_rule<decoupled_step> &&
              gradient_rule<scale_by_learning_rate>);

TEST_CASE("rule weight_decay: decoupled before the step is AdamW") {
  CHECK(error_of(chain(scale_by_adam{}, decoupled_step{lr, wd}), reference::adam{.lr = lr, .decay = wd}) <= 1e-5);
  CHECK(error_of(chain(scale_by_adam{}, decoupled_step{lr, 10.0}), reference::adam{.lr = lr, .decay = 10}) <= 1e-5);
}

TEST_CASE("rule weight_decay: decoupled after the step is Hugging Face's AdamW") {
  const scale_by_adam adam{.eps = 1e-6, .convention = adam_convention::hf};
  reference::adam twin{.lr = lr, .eps = 1e-6, .form = reference::convention::hf, .decay = 10, .decay_after = true};
  CHECK(error_of(chain(adam, decoupled_step{lr, 10.0, decay_order::after}), twin) <= 1e-5);
  twin.decay_after = false;  // and the order matters
  CHECK(error_of(chain(adam, decoupled_step{lr, 10.0, decay_order::after}), twin) > 1e-3);
}

TEST_CASE("rule weight_decay: before Adam it is part of the gradient") {
  CHECK(error_of(chain(add_decayed_weights{wd}, scale_by_adam{}, scale_by_learning_rate{lr}),
                 reference::adam{.lr = lr, .decay = wd, .coupled = true}) <= 1e-5);
}

TEST_CASE("rule weight_decay: SGD with either decay") {
  const scale_by_momentum momentum{.momentum = 0.9, .nesterov = true};
  reference::sgd twin{.lr = 1e-3, .momentum = 0.9, .nesterov = true, .decay = wd};
  CHECK(error_of(chain(add_decayed_weights{wd}, momentum, scale_by_learning_rate{1e-3}), twin) <= 1e-5);
  twin.decoupled = true;
  CHECK(error_of(chain(momentum, decoupled_step{1e-3, wd}), twin) <= 1e-5);
}

TEST_CASE("rule weight_decay: right before the learning rate it is decoupled") {
  support::hand_loop a(chain(scale_by_adam{}, add_decayed_weights{wd}, scale_by_learning_rate{lr}), support::start());
  support::hand_loop b(chain(scale_by_adam{}, decoupled_step{lr, wd}), support::start());
  for (std::int64_t t = 1; t <= 50; ++t) {
    a.step<whole>(support::clock()(t), support::gradient(t));
    b.step<whole>(support::clock()(t), support::gradient(t));
  }
  support::worst worst;
  for (std::size_t i = 0; i < a.p.size(); ++i)
    worst.add(static_cast<double>(a.p[i]), static_cast<double>(b.p[i]), 1 + std::abs(static_cast<double>(a.p[i])), 0);
  CHECK(worst.error <= 50 * 2 * support::unit);
}

TEST_CASE("rule weight_decay: packets compute what floats compute") {
  const auto difference = [](const auto& rules) { return support::packet_difference(rules, support::clock(), 60); };
  CHECK(difference(chain(scale_by_adam{}, decoupled_step{lr, wd})) <= support::contraction);
  CHECK(difference(chain(decoupled_step{lr, wd, decay_order::after})) <= support::contraction);
  CHECK(difference(chain(add_decayed_weights{wd}, scale_by_learning_rate{lr})) <= support::contraction);
}

TEST_CASE("rule weight_decay: the constants of a step") {
  const auto before = decoupled_step{0.1, 0.5}.fold({}), after = decoupled_step{0.1, 0.5, decay_order::after}.fold({});
  CHECK((before.a == -0.1f && before.b == -0.05f));
  CHECK((after.a == -0.095f && after.b == -0.05f));
  CHECK(add_decayed_weights{0.25}.fold({}).wd == 0.25f);
  const auto none = decoupled_step{0.1}.fold({});
  CHECK((none.a == -0.1f && none.b == 0));
  CHECK(decoupled_step{}.fold({}).a == -1e-3f);
}

TEST_CASE("rule learning_rate: the caller's rate, else the schedule at the optimizer's step") {
  const scale_by_learning_rate rule{step_decay{.initial = 1, .every = 10, .factor = 0.5}};
  CHECK(rule.fold({.t = 1, .step = 10}).minus_lr == -1);
  CHECK(rule.fold({.t = 1, .step = 11}).minus_lr == -0.5f);  // t is the tensor's own clock
  CHECK(rule.fold({.t = 11, .step = 1}).minus_lr == -1);
  CHECK(rule.fold({.step = 11, .learning_rate = 0.25}).minus_lr == -0.25f);
  CHECK(rule.fold({.step = 11, .learning_rate = 0}).minus_lr == 0);  // a frozen step, not a missing rate
  const decoupled_step decoupled{1.0, 0.5};
  CHECK(decoupled.fold({.learning_rate = 0.5}).a == -0.5f);
  CHECK(decoupled.fold({.learning_rate = 0.5}).b == -0.25f);
  CHECK(decoupled.fold({.learning_rate = 0}).b == 0);
  CHECK(scale_by_learning_rate::apply({-2.0f}, 3.0f) == -6.0f);
}
