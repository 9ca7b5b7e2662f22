// AdamW against its textbook twin, over long runs, in every convention and with groups
#include <doctest/doctest.h>

#include "mango/optim/adamw.hpp"
#include "optim/numbers.hpp"
#include "optim/snapshot.hpp"
#include "support/reference.hpp"

using namespace optim_test;
using form = reference::convention;

namespace {

constexpr index_t count = 37;  // a whole packet or more, and a part of one
constexpr int steps = 120;
const mango::schedule rate = mango::warmup_cosine{.peak = 1e-2, .warmup = 10, .total = 100, .final = 1e-3};

double rate_at(int step) {
  if (step <= 10) return 1e-2 * step / 10;
  const double x = std::min(1.0, (step - 11) / 90.0);
  return 1e-3 + (1e-2 - 1e-3) * 0.5 * (1 + std::cos(M_PI * x));
}

// gradients of very different sizes, the smallest below eps
std::vector<float> gradients() {
  auto g = uniform(count * steps, 7);
  for (std::size_t i = 0; i < g.size(); ++i)
    g[i] *= static_cast<float>(std::pow(10.0, static_cast<int>(i % 37 % 11) - 8));
  return g;
}

// m passes through zero, so it is compared in units of the root mean square that it is divided by
template <class M> std::vector<double> in_units(const M& m, const std::vector<double>& v) {
  std::vector<double> out;
  for (std::size_t i = 0; i < v.size(); ++i) out.push_back(static_cast<double>(m[i]) / std::sqrt(v[i]));
  return out;
}

void follow_twin(const mango::adamw_config& config, form convention, double weight_decay) {
  const auto start = uniform(count, 1), table = gradients();
  auto p = start;
  reference::numbers expected = support::doubles(start);
  reference::adam twin{.b1 = config.b1,
                       .b2 = config.b2,
                       .eps = config.eps,
                       .form = convention,
                       .decay = weight_decay,
                       .corrected = config.bias_correction,
                       .decay_after = convention == form::hf};
  mango::adamw opt{config};
  const auto id = opt.add("w", p.size());
  for (int k = 0; k < steps; ++k) {
    const auto step = opt.begin_step();
    REQUIRE(step.update(id, p, row(table, k, count)));
    twin.lr = rate_at(k + 1);
    twin.step(expected, support::doubles(row(table, k, count)));
    if (k % 7 == 0 || k + 1 == steps) {
      CAPTURE(k);
      CHECK(distance(p, expected) < 2e-6);
      CHECK(distance(in_units(floats_of(opt, "w", "m"), twin.v), in_units(twin.m, twin.v)) < 2e-6);
      CHECK(distance(floats_of(opt, "w", "v"), twin.v, 1e-30) < 2e-6);
    }
  }
  CHECK(opt.updates(id) == steps);
  CHECK(opt.counters().steps == steps);
}

}  // namespace

TEST_CASE("optim adamw: 120 steps of the torch convention equal the textbook's") {
  follow_twin({.learning_rate = rate, .weight_decay = 0.1}, form::torch, 0.1);
  follow_twin({.learning_rate = rate}, form::torch, 0.01);  // the default decay
  follow_twin({.learning_rate = rate, .b1 = 0, .b2 = 0, .eps = 1e-3, .weight_decay = 0}, form::torch, 0);
}

TEST_CASE("optim adamw: 120 steps of the hf convention equal the textbook's") {
  follow_twin({.learning_rate = rate,
               .b1 = 0.8,
               .b2 = 0.95,
               .eps = 1e-6,
               .weight_decay = 0.3,
               .convention = mango::adam_convention::hf},
              form::hf, 0.3);
}

TEST_CASE("optim adamw: 120 steps of the bnb convention equal the textbook's") {
  follow_twin({.learning_rate = rate, .eps = 1e-6, .weight_decay = 0.2, .convention = mango::adam_convention::bnb},
              form::bnb, 0.2);
}

TEST_CASE("optim adamw: 120 steps without bias correction equal the textbook's") {
  follow_twin({.learning_rate = rate, .weight_decay = 0.1, .bias_correction = false}, form::torch, 0.1);
  follow_twin({.learning_rate = rate,
               .eps = 1e-6,
               .weight_decay = 0.3,
               .convention = mango::adam_convention::hf,
               .bias_correction = false},
              form::hf, 0.3);
}

TEST_CASE("optim adamw: the conventions differ from each other, where the textbook's do") {
  const auto start = uniform(count, 1), table = gradients();
  const auto end_of = [&](mango::adam_convention c) {
    auto p = start;
    mango::adamw opt{{.eps = 1e-6, .weight_decay = 0.5, .convention = c}};
    const auto id = opt.add("w", p.size());
    for (int k = 0; k < 10; ++k) opt.begin_step().update(id, p, row(table, k, count));
    return p;
  };
  const auto torch = end_of(mango::adam_convention::torch), hf = end_of(mango::adam_convention::hf),
             bnb = end_of(mango::adam_convention::bnb);
  CHECK(distance(hf, torch) > 1e-4);
  CHECK(distance(bnb, torch) < 1e-6);  // equal in exact arithmetic
}

TEST_CASE("optim adamw: the caller's rate and scale replace the schedule for one step") {
  const auto start = uniform(count, 1), table = gradients();
  auto p = start;
  reference::numbers expected = support::doubles(start);
  reference::adam twin{.decay = 0.1};
  mango::adamw opt{{.learning_rate = rate, .weight_decay = 0.1}};
  const auto id = opt.add("w", p.size());
  for (int k = 0; k < 100; ++k) {
    const bool given = k % 3 == 0;
    const double lr = given ? 2e-3 * (1 + k % 5) : rate_at(k + 1), scale = given ? 0.25 : 1;
    opt.begin_step(given ? mango::step_args{.learning_rate = lr, .gradient_scale = scale} : mango::step_args{})
        .update(id, p, row(table, k, count));
    twin.lr = lr;
    auto g = support::doubles(row(table, k, count));
    for (double& x : g) x *= scale;
    twin.step(expected, g);
  }
  CHECK(distance(p, expected) < 2e-6);
}

TEST_CASE("optim adamw: groups by name and by dimensions get their own hyperparameters, the last that matches wins") {
  mango::adamw_config base{.learning_rate = rate, .weight_decay = 0.1};
  auto biases = base, head = base, large = base;
  biases.weight_decay = 0;
  head.b1 = 0.5;
  head.learning_rate = 3e-3;
  large.b2 = 0.9;
  mango::adamw opt{base};
  CHECK(opt.group({.max_dimensions = 1}, biases) == 1);
  CHECK(opt.group({.names = "head.*,*.lm?head"}, head) == 2);
  CHECK(opt.group({.min_elements = 40, .max_elements = 50}, large) == 3);

  struct expectation {
    const char* name;
    mango::shape shape;
    std::size_t group;
    double weight_decay, b1, b2;
    bool constant_rate;
  };
  const expectation all[] = {
      {"body.weight", {6, 6}, 0, 0.1, 0.9, 0.999, false},
      {"body.bias", {36}, 1, 0, 0.9, 0.999, false},
      {"head.bias", {36}, 2, 0.1, 0.5, 0.999, true},
      {"x.lm_head", {2, 18}, 2, 0.1, 0.5, 0.999, true},
      {"ahead.w", {4, 9}, 0, 0.1, 0.9, 0.999, false},
      {"head.big", {6, 7}, 3, 0.1, 0.9, 0.9, false},
      {"edge", {40}, 3, 0.1, 0.9, 0.9, false},
      {"other edge", {5, 10}, 3, 0.1, 0.9, 0.9, false},
      {"before", {3, 13}, 0, 0.1, 0.9, 0.999, false},
      {"past", {3, 17}, 0, 0.1, 0.9, 0.999, false},
  };
  const mango::tensor_registry& tensors = opt;
  for (std::uint64_t k = 0; k < std::size(all); ++k) {
    const auto& e = all[k];
    CAPTURE(e.name);
    const auto id = opt.add(e.name, {.shape = e.shape});
    CHECK(tensors.group(id) == e.group);
    CHECK(opt.rules(e.group).tail.head.b1 == e.b1);
    auto p = uniform(e.shape.elements(), k);
    reference::numbers expected = support::doubles(p);
    reference::adam twin{.b1 = e.b1, .b2 = e.b2, .decay = e.weight_decay};
    const auto n = e.shape.elements();
    const auto g = uniform(100 * n, 100 + k);
    for (int i = 0; i < 100; ++i) {  // each begin_step() is a step of the optimizer: give the rate that is due
      twin.lr = e.constant_rate ? 3e-3 : rate_at(static_cast<int>(opt.counters().steps) + 1);
      opt.begin_step().update(id, p, row(g, i, n));
      twin.step(expected, support::doubles(row(g, i, n)));
    }
    CHECK(distance(p, expected) < 2e-6);
  }
}

TEST_CASE("optim adamw: t counts the updates of the tensor, the schedule counts the steps of the optimizer") {
  mango::adamw opt{{.learning_rate = rate, .weight_decay = 0}};
  auto early = uniform(count, 1), late = early;
  const auto table = gradients();
  const auto a = opt.add("early", early.size()), b = opt.add("late", late.size());
  reference::numbers expected = support::doubles(late);
  reference::adam twin;
  for (int k = 0; k < 20; ++k) {
    const auto step = opt.begin_step();
    step.update(a, early, row(table, k, count));
    if (k < 10) continue;
    step.update(b, late, row(table, k, count));
    twin.lr = rate_at(k + 1);
    twin.step(expected, support::doubles(row(table, k, count)));
  }
  CHECK(opt.updates(a) == 20);
  CHECK(opt.updates(b) == 10);
  CHECK(distance(late, expected) < 1e-6);
}
