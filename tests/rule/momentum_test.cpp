// rule/momentum.hpp against torch.optim.SGD's documented algorithm
#include "mango/rule/momentum.hpp"

#include <doctest/doctest.h>

#include "mango/rule/learning_rate.hpp"
#include "support/reference.hpp"
#include "support/trajectory.hpp"

using namespace mango;

namespace {

constexpr scale_by_momentum variants[] = {{},
                                          {.momentum = 0.99},
                                          {.momentum = 0.5, .dampening = 0.5},
                                          {.dampening = 1},
                                          {.nesterov = true},
                                          {.momentum = 0.7, .dampening = 0.25, .nesterov = true},
                                          {.momentum = 1e-3}};

}  // namespace

static_assert(gradient_rule<scale_by_momentum> && slot_count<scale_by_momentum> == 1);

TEST_CASE("rule momentum: 60 steps stay with the twin") {
  for (const auto& rule : variants) {
    CAPTURE(rule.momentum);
    CAPTURE(rule.dampening);
    support::hand_loop loop(chain(rule, scale_by_learning_rate{1e-3}), support::start());
    reference::sgd twin{.lr = 1e-3, .momentum = rule.momentum, .dampening = rule.dampening, .nesterov = rule.nesterov};
    const auto worst = support::run_against_twin<whole>(
        loop, [&](auto& p, const auto& g, auto) { twin.step(p, g); }, support::clock(), 60);
    CHECK(worst.error <= 1e-5);
    support::worst buffer;
    for (std::size_t i = 0; i < loop.p.size(); ++i) {
      const double size = std::ldexp(8.0, static_cast<int>(i / 4) - 10) / (1 - rule.momentum);
      buffer.add(static_cast<double>(loop.state[0][i]), twin.buffer[i], support::unit * size, 0);
    }
    CHECK(buffer.error <= 8);
  }
}

TEST_CASE("rule momentum: without momentum it is plain descent") {
  support::hand_loop loop(chain(scale_by_momentum{.momentum = 0}, scale_by_learning_rate{1e-2}), support::start());
  reference::sgd twin{.lr = 1e-2};
  CHECK(support::run_against_twin<whole>(
            loop, [&](auto& p, const auto& g, auto) { twin.step(p, g); }, support::clock(), 50)
            .error <= 1e-5);
}

TEST_CASE("rule momentum: packets compute what floats compute") {
  for (const auto& rule : variants)
    CHECK(support::packet_difference(chain(rule, scale_by_learning_rate{1e-3}), support::clock(), 60) <=
          support::contraction);
}

TEST_CASE("rule momentum: the first step is undamped") {
  const auto first = scale_by_momentum{.momentum = 0.9, .dampening = 0.5, .nesterov = true}.fold({.t = 1});
  CHECK((first.mu == 0.9f && first.fresh == 1 && first.own == 1 && first.look_ahead == 0.9f));
  const auto second = scale_by_momentum{.momentum = 0.9, .dampening = 0.5}.fold({.t = 2});
  CHECK((second.mu == 0.9f && second.fresh == 0.5f && second.own == 0 && second.look_ahead == 1));
  CHECK(scale_by_momentum{.dampening = 0.5}.fold({.t = 1000000}).fresh == 0.5f);
  // another tensor's clock: t counts updates of this tensor, whatever step the optimizer is at
  CHECK(scale_by_momentum{.dampening = 0.5}.fold({.t = 1, .step = 50}).fresh == 1);
}
