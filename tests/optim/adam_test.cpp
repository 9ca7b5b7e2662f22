// Adam against its textbook twin: the same as AdamW but for where the decay enters
#include <doctest/doctest.h>

#include "mango/optim/adam.hpp"
#include "optim/numbers.hpp"
#include "optim/snapshot.hpp"
#include "support/reference.hpp"

using namespace optim_test;
using form = reference::convention;

namespace {

constexpr index_t count = 21;
constexpr int steps = 120;

void follow_twin(mango::adam_config config, form convention) {
  config.learning_rate = mango::polynomial_decay{.peak = 1e-2, .warmup = 5, .total = 100, .power = 2, .final = 1e-4};
  const auto start = uniform(count, 1), table = uniform(count * steps, 2);
  auto p = start;
  reference::numbers expected = support::doubles(start);
  reference::adam twin{.b1 = config.b1,
                       .b2 = config.b2,
                       .eps = config.eps,
                       .form = convention,
                       .decay = config.weight_decay,
                       .coupled = true};
  mango::adam opt{config};
  const auto id = opt.add("w", {.shape = {3, 7}});
  for (int k = 0; k < steps; ++k) {
    REQUIRE(opt.begin_step().update(id, p, row(table, k, count)));
    const double x = std::min(1.0, (k - 5) / 95.0);
    twin.lr = k < 5 ? 1e-2 * (k + 1) / 5 : 1e-4 + (1e-2 - 1e-4) * (1 - x) * (1 - x);
    twin.step(expected, support::doubles(row(table, k, count)));
  }
  CHECK(distance(p, expected) < 2e-6);
  CHECK(distance(floats_of(opt, "w", "m"), twin.m) < 1e-6);
  CHECK(distance(floats_of(opt, "w", "v"), twin.v, 1e-6) < 2e-6);
}

}  // namespace

TEST_CASE("optim adam: 120 steps with and without coupled decay equal the textbook's, in every convention") {
  follow_twin({}, form::torch);
  follow_twin({.weight_decay = 0.3}, form::torch);
  follow_twin({.b1 = 0.8, .b2 = 0.95, .eps = 1e-3, .weight_decay = 0.3, .convention = mango::adam_convention::hf},
              form::hf);
  follow_twin({.eps = 1e-3, .weight_decay = 0.3, .convention = mango::adam_convention::bnb}, form::bnb);
}

TEST_CASE("optim adam: the defaults are the paper's, and decay is off") {
  const mango::adam_config c;
  CHECK(c.b1 == 0.9);
  CHECK(c.b2 == 0.999);
  CHECK(c.eps == 1e-8);
  CHECK(c.weight_decay == 0);
  CHECK(c.learning_rate(1) == 1e-3);
  CHECK(c.max_norm == 0);
}

TEST_CASE("optim adam: a group overrides the decay of matching tensors only") {
  mango::adam_config base{.learning_rate = 1e-2, .weight_decay = 0.5}, none = base;
  none.weight_decay = 0;
  mango::adam opt{base};
  opt.group({.names = "*.bias"}, none);
  const auto start = uniform(count, 1), table = uniform(count * 100, 2);
  for (const char* name : {"a.weight", "a.bias"}) {
    auto p = start;
    reference::numbers expected = support::doubles(start);
    reference::adam twin{.lr = 1e-2, .decay = name[2] == 'b' ? 0 : 0.5, .coupled = true};
    const auto id = opt.add(name, p.size());
    for (int k = 0; k < 100; ++k) {
      opt.begin_step().update(id, p, row(table, k, count));
      twin.step(expected, support::doubles(row(table, k, count)));
    }
    CAPTURE(name);
    CHECK(distance(p, expected) < 2e-6);
  }
}
