// SGD against its textbook twin: plain, momentum, Nesterov, dampening, both kinds of decay
#include <doctest/doctest.h>

#include "mango/optim/sgd.hpp"
#include "optim/caught.hpp"
#include "optim/numbers.hpp"
#include "optim/snapshot.hpp"
#include "support/reference.hpp"

using namespace optim_test;
using with_momentum = mango::sgd<mango::stores<mango::fp32>>;

namespace {

constexpr index_t count = 19;
constexpr int steps = 120;

template <class Optimizer> void follow_twin(mango::sgd_config config) {
  config.learning_rate = mango::step_decay{.initial = 0.05, .every = 30, .factor = 0.5};
  const auto start = uniform(count, 1), table = uniform(count * steps, 2);
  auto p = start;
  reference::numbers expected = support::doubles(start);
  reference::sgd twin{.momentum = config.momentum,
                      .dampening = config.dampening,
                      .nesterov = config.nesterov,
                      .decay = config.weight_decay,
                      .decoupled = config.decoupled};
  Optimizer opt{config};
  const auto id = opt.add("w", p.size());
  for (int k = 0; k < steps; ++k) {
    REQUIRE(opt.begin_step().update(id, p, row(table, k, count)));
    twin.lr = 0.05 * std::pow(0.5, k / 30);
    twin.step(expected, support::doubles(row(table, k, count)));
  }
  CAPTURE(config.momentum);
  CAPTURE(config.dampening);
  CHECK(distance(p, expected) < 3e-6);
  if (config.momentum > 0) CHECK(distance(floats_of(opt, "w", "m"), twin.buffer) < 3e-6);
}

}  // namespace

TEST_CASE("optim sgd: 120 steps without momentum equal the textbook's") {
  follow_twin<mango::sgd<>>({});
  follow_twin<mango::sgd<>>({.weight_decay = 0.2});
  follow_twin<mango::sgd<>>({.weight_decay = 0.2, .decoupled = true});
}

TEST_CASE("optim sgd: 120 steps with momentum, Nesterov and dampening equal the textbook's") {
  for (const bool decoupled : {false, true})
    for (const double decay : {0.0, 0.2}) {
      follow_twin<with_momentum>({.momentum = 0.9, .weight_decay = decay, .decoupled = decoupled});
      follow_twin<with_momentum>({.momentum = 0.9, .dampening = 0.3, .weight_decay = decay, .decoupled = decoupled});
      follow_twin<with_momentum>({.momentum = 0.8, .nesterov = true, .weight_decay = decay, .decoupled = decoupled});
    }
  follow_twin<with_momentum>({.momentum = 0.9, .dampening = 1, .nesterov = true});
}

TEST_CASE("optim sgd: without momentum it keeps no state at all") {
  mango::sgd opt{{.learning_rate = 0.5}};
  const auto id = opt.add("w", {.shape = {4, 5}});
  CHECK(opt.state_bytes() == 0);
  CHECK(opt.state(id).empty());
  CHECK(decltype(opt)::plan::state_bits == 0);
}

TEST_CASE("optim sgd: options that would do nothing are refused") {
  check_error(caught([] { mango::sgd opt{{.momentum = 0.9}}; }), mango::errc::config, "momentum");
  check_error(caught([] { mango::sgd opt{{.nesterov = true}}; }), mango::errc::config, "nesterov");
  check_error(caught([] { mango::sgd opt{{.dampening = 0.5}}; }), mango::errc::config, "dampening");
}

TEST_CASE("optim sgd: options that need momentum are refused without it, also where it has a store") {
  check_error(caught([] { with_momentum opt{{.nesterov = true}}; }), mango::errc::config, "nesterov");
  check_error(caught([] { with_momentum opt{{.dampening = 0.5}}; }), mango::errc::config, "dampening");
}

TEST_CASE("optim sgd: groups by dimensions change momentum and decay") {
  mango::sgd_config base{.learning_rate = 0.05, .momentum = 0.9, .weight_decay = 0.2}, flat = base;
  flat.momentum = 0.5;
  flat.weight_decay = 0;
  with_momentum opt{base};
  opt.group({.max_dimensions = 1}, flat);
  const auto start = uniform(20, 1), table = uniform(20 * 100, 2);
  for (const bool matrix : {true, false}) {
    auto p = start;
    reference::numbers expected = support::doubles(start);
    reference::sgd twin{.lr = 0.05, .momentum = matrix ? 0.9 : 0.5, .decay = matrix ? 0.2 : 0};
    const auto id = opt.add(matrix ? "matrix" : "vector", {.shape = matrix ? mango::shape{4, 5} : mango::shape{20}});
    for (int k = 0; k < 100; ++k) {
      opt.begin_step().update(id, p, row(table, k, 20));
      twin.step(expected, support::doubles(row(table, k, 20)));
    }
    CAPTURE(matrix);
    CHECK(distance(p, expected) < 3e-6);
  }
}
