// the algebra of chains: composition is associative and has a unit, and rules that claim to be equal are
#include <doctest/doctest.h>

#include <concepts>

#include "mango/optim/adam.hpp"
#include "mango/optim/sgd.hpp"
#include "mango/rule/average.hpp"
#include "mango/rule/clip.hpp"
#include "optim/numbers.hpp"

using namespace optim_test;
using mango::chain, mango::fp32, mango::stores;

namespace {

constexpr index_t count = 67;

// weights after 20 steps of a chain on fixed gradients, and its state's bytes
struct outcome {
  std::vector<float> p = uniform(count, 1);
  std::vector<std::byte> state;
};
template <class Stores, class Chain>
outcome run(const Chain& rules, const mango::step_args& args = {}, float scale = 1) {
  outcome out;
  mango::optimizer opt{rules, Stores{}};
  const auto id = opt.add("w", count);
  for (unsigned k = 0; k < 20; ++k) {
    auto g = uniform(count, 100 + k);
    for (float& x : g) x *= scale;
    const auto step = opt.begin_step(args);
    if (rules.measures()) step.measure(id, g);
    step.update(id, out.p, g);
  }
  for (const auto& part : opt.state(id)) out.state.insert(out.state.end(), part.bytes.begin(), part.bytes.end());
  return out;
}

void check_same(const outcome& a, const outcome& b) {
  CHECK(same_bits(a.p, b.p));
  CHECK(same_bits(a.state, b.state));
}

const mango::scale_by_adam adam{.b1 = 0.8, .b2 = 0.95};
const mango::scale_by_momentum momentum{.momentum = 0.7, .dampening = 0.1, .nesterov = true};
const mango::add_decayed_weights decay{0.3};
const mango::scale_by_learning_rate rate{mango::warmup_cosine{.peak = 0.1, .warmup = 4, .total = 20}};
const mango::clip_by_value clip{0.25};

}  // namespace

TEST_CASE("laws chain: chains flatten to one type with one result, whatever the brackets") {
  const auto flat = chain(clip, decay, adam, rate);
  static_assert(mango::slot_count<decltype(flat)> == 2);
  const auto expected = run<stores<fp32, fp32>>(flat);
  const auto check = [&]<class Other>(const Other& other) {
    CHECK(std::same_as<decltype(flat), const Other>);
    if constexpr (std::same_as<decltype(flat), const Other>) check_same(run<stores<fp32, fp32>>(other), expected);
  };
  check(chain(chain(chain(clip, decay), adam), rate));
  check(chain(clip, chain(decay, chain(adam, rate))));
  check(chain(chain(clip, decay), chain(adam, rate)));
  check(chain(clip, chain(chain(decay), adam), chain(rate)));
  check(chain(chain(clip), chain(decay), chain(), chain(adam), chain(rate)));
}

TEST_CASE("laws chain: the empty chain is the unit on both sides, and alone adds the gradient") {
  const auto expected = run<stores<fp32>>(chain(momentum, rate));
  static_assert(std::same_as<decltype(chain(chain(), momentum, rate)), decltype(chain(momentum, rate))>);
  static_assert(std::same_as<decltype(chain(momentum, chain(), rate, chain())), decltype(chain(momentum, rate))>);
  check_same(run<stores<fp32>>(chain(chain(), momentum, rate)), expected);
  check_same(run<stores<fp32>>(chain(momentum, chain(), rate, chain(chain()))), expected);

  std::vector<float> p = uniform(count, 1), sum = p;
  const auto g = uniform(count, 2);
  mango::optimizer unit{chain(), stores<>{}};
  unit.begin_step().update(unit.add("w", count), p, g);
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += g[i];
  CHECK(same_bits(p, sum));
}

TEST_CASE("laws chain: the order of rules matters, and is the order in which they act") {
  const auto coupled = run<stores<fp32>>(chain(decay, momentum, rate));
  const auto decoupled = run<stores<fp32>>(chain(momentum, decay, rate));
  CHECK(distance(coupled.p, decoupled.p) > 1e-3);

  // coupled decay, then momentum, written out
  auto p = support::doubles(uniform(count, 1));
  std::vector<double> m(p.size());
  for (unsigned k = 0; k < 20; ++k) {
    const auto g = uniform(count, 100 + k);
    for (std::size_t i = 0; i < p.size(); ++i) {
      const double u = static_cast<double>(g[i]) + 0.3 * p[i];
      m[i] = k == 0 ? u : 0.7 * m[i] + 0.9 * u;
      p[i] -= rate.learning_rate(k + 1) * (u + 0.7 * m[i]);
    }
  }
  CHECK(distance(coupled.p, p) < 1e-6);
}

TEST_CASE("laws chain: the slots of a chain are those of its rules, in their order") {
  const auto twice = chain(momentum, adam, rate);
  CHECK(decltype(twice)::slots.size() == 3);
  CHECK(std::string_view(decltype(twice)::slots[2].name) == "v");
  CHECK(decltype(twice)::slots[2].values == mango::range::nonnegative);
  CHECK(decltype(twice)::reads_parameter == false);
  CHECK(decltype(chain(momentum, decay))::reads_parameter);
}

TEST_CASE("laws chain: decoupled_step before is decayed weights, then the learning rate, to rounding") {
  for (const double wd : {0.0, 0.3}) {
    const auto one =
        run<stores<fp32, fp32>>(chain(adam, mango::decoupled_step{rate.learning_rate, wd, mango::decay_order::before}));
    const auto two = run<stores<fp32, fp32>>(chain(adam, mango::add_decayed_weights{wd}, rate));
    CHECK(distance(one.p, two.p) < 1e-6);
    CHECK(same_bits(one.state, two.state));
  }
  const auto after =
      run<stores<fp32, fp32>>(chain(adam, mango::decoupled_step{rate.learning_rate, 0.3, mango::decay_order::after}));
  CHECK(distance(after.p, run<stores<fp32, fp32>>(chain(adam, mango::add_decayed_weights{0.3}, rate)).p) > 1e-4);
}

TEST_CASE("laws chain: clipping that is off, or beyond every gradient, is the identity bit for bit") {
  const auto expected = run<stores<fp32>>(chain(momentum, rate));
  for (const double limit : {0.0, 1e30, 1.0})
    check_same(run<stores<fp32>>(chain(mango::clip_by_value{limit}, momentum, rate)), expected);
  for (const double most : {0.0, 1e30})
    check_same(run<stores<fp32>>(chain(mango::clip_by_global_norm{most}, momentum, rate)), expected);
  CHECK(distance(run<stores<fp32>>(chain(clip, momentum, rate)).p, expected.p) > 1e-3);
  CHECK(distance(run<stores<fp32>>(chain(mango::clip_by_global_norm{0.5}, momentum, rate)).p, expected.p) > 1e-3);
}

TEST_CASE("laws chain: clipping twice by the same limit is clipping once") {
  check_same(run<stores<fp32>>(chain(clip, clip, momentum, rate)), run<stores<fp32>>(chain(clip, momentum, rate)));
}

TEST_CASE("laws chain: a gradient scale is a scaled gradient, by powers of two bit for bit") {
  for (const float s : {0.5f, 4.0f, -2.0f, 0x1p-20f}) {
    const mango::step_args args{.gradient_scale = static_cast<double>(s)};
    check_same(run<stores<fp32, fp32>>(chain(adam, rate), args), run<stores<fp32, fp32>>(chain(adam, rate), {}, s));
    const auto clipped = chain(mango::clip_by_global_norm{0.5}, momentum, rate);
    CHECK(distance(run<stores<fp32>>(clipped, args).p, run<stores<fp32>>(clipped, {}, s).p) < 1e-6);
  }
  const auto scaled = run<stores<fp32>>(chain(momentum, rate), {.gradient_scale = 0.3});
  CHECK(distance(scaled.p, run<stores<fp32>>(chain(momentum, rate), {}, 0.3f).p) < 1e-6);
}

TEST_CASE("laws chain: a learning rate of 0 leaves weights untouched, bit for bit, and moments learn on") {
  const auto start = uniform(count, 1);
  const mango::step_args still{.learning_rate = 0};
  const auto adamw = run<stores<fp32, fp32>>(chain(adam, mango::decoupled_step{1e-3, 0.3}), still);
  CHECK(same_bits(adamw.p, start));
  CHECK(same_bits(adamw.state, run<stores<fp32, fp32>>(chain(adam, mango::decoupled_step{1e-3, 0.3})).state));
  CHECK(same_bits(run<stores<fp32, fp32>>(chain(decay, adam, rate), still).p, start));
  CHECK(same_bits(run<stores<fp32>>(chain(decay, momentum, rate), still).p, start));
}

TEST_CASE("laws chain: an average of weights changes none of them") {
  const auto with = run<stores<fp32, fp32>>(chain(momentum, rate, mango::average_weights{}));
  CHECK(same_bits(with.p, run<stores<fp32>>(chain(momentum, rate)).p));
}
