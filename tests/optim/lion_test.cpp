// Lion against its textbook twin: the size of every move, decay, groups, defaults
#include <doctest/doctest.h>

#include "mango/optim/lion.hpp"
#include "optim/numbers.hpp"
#include "optim/snapshot.hpp"
#include "support/reference.hpp"

using namespace optim_test;

namespace {

constexpr index_t count = 37;  // a whole packet or more, and a part of one
constexpr int steps = 120;

void follow_twin(mango::lion_config config) {
  config.learning_rate = mango::step_decay{.initial = 0.01, .every = 30, .factor = 0.5};
  const auto start = uniform(count, 1), table = uniform(count * steps, 2);
  auto p = start;
  reference::numbers expected = support::doubles(start);
  reference::lion twin{.b1 = config.b1, .b2 = config.b2, .decay = config.weight_decay};
  mango::lion opt{config};
  const auto id = opt.add("w", p.size());
  for (int k = 0; k < steps; ++k) {
    REQUIRE(opt.begin_step().update(id, p, row(table, k, count)));
    twin.lr = 0.01 * std::pow(0.5, k / 30);
    twin.step(expected, support::doubles(row(table, k, count)));
  }
  CAPTURE(config.b1);
  CHECK(distance(p, expected) < 3e-6);
  CHECK(distance(floats_of(opt, "w", "m"), twin.m) < 1e-6);
}

}  // namespace

TEST_CASE("optim lion: 120 steps with and without decay equal the textbook's") {
  follow_twin({});
  follow_twin({.weight_decay = 0.3});
  follow_twin({.b1 = 0.95, .b2 = 0.98, .weight_decay = 3});
  follow_twin({.b1 = 0, .b2 = 0});
}

TEST_CASE("optim lion: without decay every weight moves by the learning rate or not at all") {
  const auto table = uniform(count * steps, 2);
  auto p = uniform(count, 1);
  std::vector<float> delta(p.size());
  mango::lion opt{{.learning_rate = 0.01}};
  const auto id = opt.add("w", p.size());
  for (int k = 0; k < steps; ++k) {
    std::vector<float> g(row(table, k, count).begin(), row(table, k, count).end());
    g[3] = 0;
    if (k < 5) g[20] = 0;
    opt.begin_step().update_into(id, p, g, delta);
    for (std::size_t i = 0; i < p.size(); ++i) {
      CAPTURE(i);
      if (i == 3 || (i == 20 && k < 5)) CHECK(delta[i] == 0.0f);
      else CHECK(std::abs(delta[i]) == 0.01f);
      p[i] += delta[i];
    }
  }
}

TEST_CASE("optim lion: zero momentum and zero gradient change nothing, and decay acts alone") {
  const auto start = uniform(count, 1);
  const std::vector<float> nothing(start.size());
  for (const double decay : {0.0, 0.5}) {
    auto p = start;
    mango::lion opt{{.learning_rate = 0.5, .weight_decay = decay}};
    const auto id = opt.add("w", p.size());
    opt.begin_step().update(id, p, nothing);
    auto expected = start;
    for (float& x : expected) x -= static_cast<float>(0.5 * decay) * x;
    CHECK(same_bits(p, expected));
    for (const float m : floats_of(opt, "w", "m")) CHECK(m == 0);
  }
}

TEST_CASE("optim lion: the gradient's scale does not matter, powers of two not even to the last bit") {
  const auto run = [](double scale) {
    auto p = uniform(count, 1);
    const auto table = uniform(count * steps, 2);
    mango::lion opt{{.learning_rate = 0.01, .weight_decay = 0.1}};
    const auto id = opt.add("w", p.size());
    for (int k = 0; k < 50; ++k) opt.begin_step({.gradient_scale = scale}).update(id, p, row(table, k, count));
    return p;
  };
  CHECK(same_bits(run(1), run(0x1p-30)));
  CHECK(same_bits(run(1), run(0x1p20)));
}

TEST_CASE("optim lion: one number of state, in any store") {
  using mango::stores, mango::bf16, mango::kahan;
  CHECK(mango::lion<>::state_bytes({.shape = {10, 3}}) == 120);
  CHECK(mango::lion<stores<bf16>>::state_bytes({.shape = {10, 3}}) == 60);
  CHECK(mango::lion<stores<kahan>>::state_bytes({.shape = {10, 3}}) == 120);
}

TEST_CASE("optim lion: the defaults are those of the paper's code, and decay is off") {
  const mango::lion_config c;
  CHECK(c.b1 == 0.9);
  CHECK(c.b2 == 0.99);
  CHECK(c.weight_decay == 0);
  CHECK(c.learning_rate(1) == 1e-4);
  CHECK(c.max_norm == 0);
}

TEST_CASE("optim lion: a group overrides the decay of matching tensors only") {
  mango::lion_config base{.learning_rate = 1e-2, .weight_decay = 0.5}, none = base;
  none.weight_decay = 0;
  mango::lion opt{base};
  opt.group({.names = "*.bias"}, none);
  const auto start = uniform(count, 1), table = uniform(count * 100, 2);
  for (const char* name : {"a.weight", "a.bias"}) {
    auto p = start;
    reference::numbers expected = support::doubles(start);
    reference::lion twin{.lr = 1e-2, .decay = name[2] == 'b' ? 0 : 0.5};
    const auto id = opt.add(name, p.size());
    for (int k = 0; k < 100; ++k) {
      opt.begin_step().update(id, p, row(table, k, count));
      twin.step(expected, support::doubles(row(table, k, count)));
    }
    CAPTURE(name);
    CHECK(distance(p, expected) < 2e-6);
  }
}
