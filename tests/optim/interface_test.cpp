// the ways to take a step: bound or not, from any container, into a separate array, without a gradient
#include <doctest/doctest.h>

#include <array>
#include <memory>

#include "mango/optim/adamw.hpp"
#include "mango/rule/average.hpp"
#include "optim/caught.hpp"
#include "optim/numbers.hpp"
#include "optim/snapshot.hpp"

using namespace optim_test;

namespace {

// what a matrix library hands out: data() and a signed size()
template <class T> struct array_like {
  std::vector<std::remove_const_t<T>> storage;
  T* data() { return storage.data(); }
  const T* data() const { return storage.data(); }
  std::ptrdiff_t size() const { return static_cast<std::ptrdiff_t>(storage.size()); }
};

const mango::adamw_config config{.learning_rate = 1e-2, .weight_decay = 0.1};

// `steps` updates through update() from std::vector
std::vector<float> expected_after(int steps, const std::vector<float>& start) {
  auto p = start;
  mango::adamw opt{config};
  const auto id = opt.add("w", p.size());
  for (int k = 0; k < steps; ++k) opt.begin_step().update(id, p, uniform(std::ssize(p), 50 + static_cast<unsigned>(k)));
  return p;
}

}  // namespace

TEST_CASE("optim interface: bind and step is begin_step and update, bit for bit") {
  auto p = uniform(33, 1);
  std::vector<float> g(33);
  const auto expected = expected_after(5, p);
  mango::adamw opt{config};
  opt.add("w", {.shape = {33}}, p, g);
  for (unsigned k = 0; k < 5; ++k) {
    refill(g, uniform(33, 50 + k));
    const auto report = opt.step();
    CHECK(report.applied);
    CHECK(report.updated == 1);
    CHECK(report.without_gradient == 0);
    CHECK(report.gradient_norm == 0);  // nothing measures it
  }
  CHECK(same_bits(p, expected));
}

TEST_CASE("optim interface: spans, vectors, arrays and matrices may be parameters and gradients") {
  const auto start = uniform(8, 1), g = uniform(8, 50);
  const auto expected = expected_after(1, start);
  mango::adamw opt{config};
  unsigned count = 0;
  const auto check = [&](auto& p, const auto& gradient) {
    std::copy(start.begin(), start.end(), p.data());
    CHECK(opt.begin_step().update(opt.add(std::to_string(count++), 8), p, gradient));
    CHECK(same_bits(std::span(p.data(), 8), expected));
  };
  std::vector<float> vector(8);
  std::array<float, 8> array;
  array_like<float> matrix{vector}, slope{g};
  std::span<float> dynamic(vector);
  std::span<float, 8> fixed(array);
  check(vector, g);
  check(array, std::span<const float>(g));
  check(matrix, slope);
  check(matrix, std::as_const(slope));
  check(dynamic, std::span<const float, 8>(g.data(), 8));
  check(fixed, array_like<const float>{g});
}

TEST_CASE("optim interface: temporaries may be handed in as views") {
  auto p = uniform(8, 1);
  const auto expected = expected_after(1, p), g = uniform(8, 50);
  mango::adamw opt{config};
  const auto id = opt.add("w", 8u);
  CHECK(opt.begin_step().update(id, std::span(p), std::span(g)));
  CHECK(same_bits(p, expected));
  opt.bind(id, std::span(p), std::vector<float>(8).empty() ? std::span<const float>() : std::span<const float>(g));
  CHECK(opt.step().updated == 1);
}

TEST_CASE("optim interface: update_into leaves the parameter alone, and p + delta is what update makes of it") {
  const auto start = uniform(70001, 1);  // more than one chunk
  const auto n = std::ssize(start);
  auto updated = start, stepped = start;
  std::vector<float> delta(start.size());
  mango::adamw in_place{config}, into{config};
  const auto a = in_place.add("w", start.size()), b = into.add("w", start.size());
  for (unsigned k = 0; k < 4; ++k) {
    const auto g = uniform(n, k);
    const auto before = stepped;
    CHECK(in_place.begin_step().update(a, updated, g));
    CHECK(into.begin_step().update_into(b, std::as_const(stepped), g, delta));
    CHECK(same_bits(stepped, before));
    for (std::size_t i = 0; i < stepped.size(); ++i) stepped[i] += delta[i];
    CHECK(same_bits(stepped, updated));
  }
  CHECK(snapshot(in_place) == snapshot(into));
  CHECK(into.updates(b) == 4);
}

TEST_CASE("optim interface: update_into reads bf16 parameters too") {
  const auto start = to_bf16(uniform(33, 1));
  std::vector<float> delta(33), values = to_float(start);
  const auto g = uniform(33, 2);
  mango::adamw opt{config}, exact{config};
  const auto id = opt.add("w", {.shape = {33}, .parameter = mango::dtype::bf16});
  const auto twin = exact.add("w", 33);
  CHECK(opt.begin_step().update_into(id, start, to_bf16(g), delta));
  CHECK(exact.begin_step().update(twin, values, to_float(to_bf16(g))));
  auto sum = to_float(start);
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += delta[i];
  CHECK(same_bits(sum, values));
}

TEST_CASE("optim interface: a tensor without a gradient is left alone, counted, and its t does not advance") {
  auto p = uniform(9, 1), q = uniform(9, 2);
  const auto before = q, g = uniform(9, 3);
  mango::adamw opt{config};
  const auto a = opt.add("with", {.shape = {9}}, p, g);
  const auto b = opt.add("without", {.shape = {9}}, q, std::span<const float>());
  const auto report = opt.step();
  CHECK(report.updated == 1);
  CHECK(report.without_gradient == 1);
  CHECK(opt.updates(a) == 1);
  CHECK(opt.updates(b) == 0);
  CHECK(same_bits(q, before));
  for (const float m : floats_of(opt, "without", "m")) CHECK(m == 0);

  opt.bind(b, q, g);  // now it has one: t = 1 in step 2
  CHECK(opt.step().updated == 2);
  CHECK(opt.updates(b) == 1);
  CHECK(same_bits(q, [&] {
    auto fresh = before;
    mango::adamw other{config};
    other.begin_step().update(other.add("without", 9), fresh, g);
    return fresh;
  }()));
}

TEST_CASE("optim interface: a step in which no tensor has a gradient applies nothing, so the schedule's clock stands") {
  auto p = uniform(9, 1);
  mango::adamw opt{config};
  opt.add("w", {.shape = {9}}, p, std::span<const float>());
  CHECK(opt.step().without_gradient == 1);
  CHECK(opt.step().updated == 0);
  CHECK(opt.counters().steps == 0);
}

TEST_CASE("optim interface: empty tensors are legal, with any pointer, and scalars have one element") {
  std::vector<float> nothing, one{2.0f};
  const std::vector<float> slope{1.0f};
  mango::adamw opt{{.learning_rate = 0.5, .weight_decay = 0, .max_norm = 2}};
  const auto e = opt.add("empty", {.shape = {0, 4}}, nothing, std::span<const float>());
  const auto s = opt.add("scalar", {.shape = {}}, one, slope);
  const auto z = opt.add("last", {.shape = {3, 0}}, std::span(one.data(), 0), std::span(slope.data(), 0));
  CHECK(opt.state_bytes(e) == 0);
  CHECK(opt.state_bytes(s) == 8);
  CHECK(opt.shape(s).elements() == 1);
  const auto report = opt.step();
  CHECK(report.gradient_norm == 1);  // empty tensors add exactly nothing
  CHECK(report.updated + report.without_gradient == 3);
  CHECK(one[0] == doctest::Approx(1.5));
  const auto step = opt.begin_step();
  for (const auto id : {e, z}) step.measure(id, nothing);
  step.measure(s, slope);
  CHECK(step.update(e, nothing, nothing));
  CHECK(step.update(z, std::span<float>(), std::span<const float>()));
  CHECK(step.update(s, one, slope));
}

TEST_CASE("optim interface: a moved optimizer keeps its tensors, state and bound views") {
  auto p = uniform(33, 1);
  std::vector<float> g(33);
  const auto expected = expected_after(3, p);
  auto first = std::make_unique<mango::adamw<>>(config);  // held as trainers hold one
  const auto id = first->add("w", {.shape = {33}}, p, g);
  refill(g, uniform(33, 50));
  first->step();
  mango::adamw second(std::move(*first));
  first.reset();
  refill(g, uniform(33, 51));
  second.step();
  mango::adamw third{config};
  third.add("other", 4);
  third = std::move(second);
  refill(g, uniform(33, 52));
  third.step();
  CHECK(third.size() == 1);
  CHECK(third.updates(id) == 3);
  CHECK(same_bits(p, expected));
}

TEST_CASE("optim interface: exchange swaps the weights with their average, and back") {
  auto p = uniform(21, 1);
  std::vector<float> g(21);
  std::vector<double> average(21);
  mango::optimizer opt{mango::chain(mango::adamw_rules(config), mango::average_weights{.decay = 0.9, .warm = 4}),
                       mango::stores<mango::fp32, mango::fp32, mango::fp32>{}};
  const auto id = opt.add("w", {.shape = {21}}, p, g);
  for (int t = 1; t <= 50; ++t) {
    refill(g, uniform(21, static_cast<unsigned>(t)));
    opt.step();
    const double keep = std::min(0.9, (t - 1) / (t + 4.0));
    for (std::size_t i = 0; i < p.size(); ++i) average[i] = keep * average[i] + (1 - keep) * static_cast<double>(p[i]);
  }
  CHECK(distance(floats_of(opt, "w", "average"), average) < 1e-5);
  const auto weights = p;
  opt.exchange(id, "average", p);
  CHECK(distance(p, average) < 1e-5);
  CHECK(same_bits(floats_of(opt, "w", "average"), weights));
  opt.exchange(id, "average", p);
  CHECK(same_bits(p, weights));

  const snapshot before(opt);
  check_error(caught([&] { opt.exchange(id, "mean", p); }), mango::errc::unknown_name, "w");
  std::vector<float> large(22);
  check_error(caught([&] { opt.exchange(id, "average", large); }), mango::errc::size, "w", 21, 22);
  CHECK(snapshot(opt) == before);
  mango::optimizer rounded{mango::chain(mango::adamw_rules(config), mango::average_weights{}),
                           mango::stores<mango::fp32, mango::fp32, mango::bf16>{}};
  const auto other = rounded.add("w", 21);
  check_error(caught([&] { rounded.exchange(other, "average", p); }), mango::errc::type, "w");
}
