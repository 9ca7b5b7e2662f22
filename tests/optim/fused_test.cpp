// one tensor at a time, all at once, in any order, on any number of threads: the same bits
#include <doctest/doctest.h>

#include <numeric>
#include <thread>

#include "mango/backend/threads.hpp"
#include "mango/optim/adamw.hpp"
#include "mango/store/fp16.hpp"
#include "optim/caught.hpp"
#include "optim/model.hpp"
#include "optim/snapshot.hpp"

using namespace optim_test;
using mango::bf16, mango::stores;

namespace {

// exact, rounded at random, and clipped: what could depend on an order
const std::vector<index_t> sizes = {5, 70'001, 0, 128, 200'003, 1, 65'536};
constexpr unsigned steps = 4;
const mango::adamw_config plain{.learning_rate = 1e-2, .weight_decay = 0.1, .options = {.seed = 9}};
const mango::adamw_config clipped{.learning_rate = 1e-2, .weight_decay = 0.1, .max_norm = 3, .options = {.seed = 9}};

template <class M, class Stores> struct result {
  M tensors{sizes};
  std::vector<snapshot> ends;
  double norm = 0;
};

template <class M, class Stores>
result<M, Stores> batched(const mango::adamw_config& config, const mango::host& backend = {}) {
  result<M, Stores> out;
  mango::adamw<Stores> opt{config, backend};
  out.tensors.register_in(opt, true);
  for (unsigned k = 0; k < steps; ++k) {
    out.tensors.backward(k);
    const auto report = opt.step();
    REQUIRE(report.updated == std::ssize(sizes));
    out.norm = report.gradient_norm;
    out.ends.emplace_back(opt);
  }
  return out;
}

// begin_step, [measure all,] update all, in the given orders
template <class M, class Stores>
result<M, Stores> fused(const mango::adamw_config& config, const std::vector<std::size_t>& measure_order,
                        const std::vector<std::size_t>& update_order, const mango::host& backend = {}) {
  result<M, Stores> out;
  mango::adamw<Stores> opt{config, backend};
  auto& t = out.tensors;
  t.register_in(opt, false);
  for (unsigned k = 0; k < steps; ++k) {
    t.backward(k);
    const auto step = opt.begin_step();
    for (const auto i : measure_order) step.measure(t.ids[i], t.g[i]);
    for (const auto i : update_order) REQUIRE(step.update(t.ids[i], t.p[i], t.g[i]));
    out.ends.emplace_back(opt);
  }
  return out;
}

template <class R> void check_same(const R& a, const R& b) {
  CHECK(a.tensors.same_parameters(b.tensors));
  CHECK(a.ends == b.ends);
}

struct backwards {
  template <class Task> void operator()(index_t n, const Task& task) const {
    for (index_t i = n; i-- > 0;) task(i);
  }
};

std::vector<std::vector<std::size_t>> orders() {
  std::vector<std::size_t> up(sizes.size());
  std::iota(up.begin(), up.end(), std::size_t{0});
  return {up, {up.rbegin(), up.rend()}, {3, 0, 6, 2, 5, 1, 4}};
}

template <class M, class Stores> void same_bits_in_every_way(const mango::adamw_config& config) {
  const bool clips = config.max_norm > 0;
  const auto reference = batched<M, Stores>(config);
  for (const auto& order : orders())
    check_same(fused<M, Stores>(config, clips ? order : decltype(order){}, order), reference);
  if (clips) check_same(fused<M, Stores>(config, orders()[1], orders()[2]), reference);

  const backwards loop;
  check_same(batched<M, Stores>(config, mango::host{loop}), reference);
  check_same(fused<M, Stores>(config, clips ? orders()[0] : std::vector<std::size_t>{}, orders()[2], mango::host{loop}),
             reference);
  for (int count = 1; count <= 4; ++count) {
    CAPTURE(count);
    mango::threads pool{count};
    const auto threaded = batched<M, Stores>(config, mango::host{pool});
    check_same(threaded, reference);
    CHECK(threaded.norm == reference.norm);
    check_same(
        fused<M, Stores>(config, clips ? orders()[2] : std::vector<std::size_t>{}, orders()[1], mango::host{pool}),
        reference);
  }
}

}  // namespace

TEST_CASE("optim fused: fp32 AdamW is the same bits per tensor, batched, threaded and backwards") {
  same_bits_in_every_way<model<float>, stores<mango::fp32, mango::fp32>>(plain);
}

TEST_CASE("optim fused: clipped fp32 AdamW is the same bits in two phases and batched, whatever the order") {
  same_bits_in_every_way<model<float>, stores<mango::fp32, mango::fp32>>(clipped);
}

TEST_CASE("optim fused: bf16 AdamW with stochastic rounding is the same bits in every way") {
  same_bits_in_every_way<model<bfloat16>, stores<bf16, bf16>>(plain);
}

TEST_CASE("optim fused: fp16 AdamW with stochastic rounding is the same bits in every way") {
  same_bits_in_every_way<model<mango::float16>, stores<mango::fp16, mango::fp16>>(plain);
}

TEST_CASE("optim fused: clipping scales every gradient by max_norm over the norm of all") {
  model<float> a(sizes), b(sizes);
  mango::adamw measured{clipped};
  mango::adamw_config unclipped = clipped;
  unclipped.max_norm = 0;
  mango::adamw scaled{unclipped};
  a.register_in(measured, true);
  b.register_in(scaled, true);
  double sum = 0;
  for (const auto& g : a.g)
    for (const float x : g) sum += static_cast<double>(x) * static_cast<double>(x);
  const double norm = std::sqrt(sum);
  const auto report = measured.step({.gradient_scale = 0.5});
  CHECK(report.gradient_norm == doctest::Approx(norm / 2).epsilon(1e-6));
  scaled.step({.gradient_scale = 0.5 * 3 / (norm / 2 + 1e-6)});
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(distance(a.p[i], b.p[i]) < 1e-6);
}

TEST_CASE("optim fused: distinct tensors may be updated at the same time under one step") {
  for (const auto& config : {plain, clipped}) {
    const auto reference = batched<model<float>, stores<mango::fp32, mango::fp32>>(config);
    model<float> t(sizes);
    mango::adamw opt{config};
    t.register_in(opt, false);
    const auto on_all = [&](auto f) {
      std::vector<std::thread> workers;
      for (std::size_t i = 0; i < t.size(); ++i) workers.emplace_back([&, i] { f(i); });
      for (auto& w : workers) w.join();
    };
    for (unsigned k = 0; k < steps; ++k) {
      t.backward(k);
      const auto step = opt.begin_step();
      if (config.max_norm > 0) on_all([&](std::size_t i) { step.measure(t.ids[i], t.g[i]); });
      on_all([&](std::size_t i) { step.update(t.ids[i], t.p[i], t.g[i]); });
    }
    CHECK(t.same_parameters(reference.tensors));
    CHECK(snapshot(opt) == reference.ends.back());
  }
}

TEST_CASE("optim fused: skips that happen at the same time are all counted") {
  model<float> t(std::vector<index_t>(1200, 2));
  mango::adamw opt{{.options = {.on_nonfinite = mango::nonfinite::skip}}};
  t.register_in(opt, false);
  for (std::size_t i = 0; i < t.size(); ++i)
    if (i % 5 != 0) t.g[i][1] = std::bit_cast<float>(0x7f800000u);
  const auto step = opt.begin_step();
  std::vector<std::thread> workers;
  for (std::size_t first = 0; first < 4; ++first)
    workers.emplace_back([&, first] {
      for (std::size_t i = first; i < t.size(); i += 4) step.update(t.ids[i], t.p[i], t.g[i]);
    });
  for (auto& w : workers) w.join();
  CHECK(opt.counters().skipped_updates == 960);
  CHECK(opt.counters().steps == 1);
  for (std::size_t i = 0; i < t.size(); ++i) REQUIRE(opt.updates(t.ids[i]) == (i % 5 != 0 ? 0 : 1));
}

TEST_CASE("optim fused: two tensors under one step share its number, whether or not others come later") {
  model<float> t({4, 4});
  mango::adamw opt{{.learning_rate = +[](std::int64_t s) { return s == 1 ? 1.0 : 0.0; }, .weight_decay = 0}};
  t.register_in(opt, false);
  const auto before = t.p;
  const auto first = opt.begin_step();
  CHECK(first.update(t.ids[0], t.p[0], t.g[0]));
  CHECK(first.update(t.ids[1], t.p[1], t.g[1]));
  CHECK(opt.counters().steps == 1);
  const auto after = t.p;
  for (std::size_t i = 0; i < 2; ++i) CHECK(!same_bits(before[i], after[i]));
  const auto second = opt.begin_step();  // its rate is 0
  CHECK(second.update(t.ids[1], t.p[1], t.g[1]));
  CHECK(same_bits(t.p[1], after[1]));
  CHECK(opt.counters().steps == 2);
}

TEST_CASE("optim fused: calls at the wrong time are refused and change nothing") {
  model<float> t({6, 7});
  mango::adamw opt{clipped}, free{plain};
  t.register_in(opt, false);
  const auto before = t.p;
  const snapshot fresh(opt);
  const auto step = opt.begin_step();
  const auto name0 = t.name(0), name1 = t.name(1);
  check_error(caught([&] { step.update(t.ids[0], t.p[0], t.g[0]); }), mango::errc::order, name0);  // not measured
  step.measure(t.ids[0], t.g[0]);
  check_error(caught([&] { step.measure(t.ids[0], t.g[0]); }), mango::errc::order, name0);  // twice
  CHECK(snapshot(opt) == fresh);
  CHECK(step.update(t.ids[0], t.p[0], t.g[0]));
  const snapshot updated(opt);
  const auto after = t.p;
  check_error(caught([&] { step.measure(t.ids[1], t.g[1]); }), mango::errc::order, name1);         // after an update
  check_error(caught([&] { step.update(t.ids[0], t.p[0], t.g[0]); }), mango::errc::order, name0);  // twice
  check_error(caught([&] { step.update(t.ids[1], t.p[1], t.g[1]); }), mango::errc::order, name1);  // not measured
  CHECK(snapshot(opt) == updated);
  CHECK(same_bits(t.p[0], after[0]));
  CHECK(same_bits(t.p[1], before[1]));

  const auto later = opt.begin_step();  // what was measured for another step does not count
  check_error(caught([&] { later.update(t.ids[0], t.p[0], t.g[0]); }), mango::errc::order, name0);

  const auto id = free.add("free", 6);
  const auto once = free.begin_step();
  CHECK(once.update(id, t.p[0], t.g[0]));
  check_error(caught([&] { once.update(id, t.p[0], t.g[0]); }), mango::errc::order, "free");
  check_error(caught([&] { free.step(); }), mango::errc::order, "free");  // not bound
  CHECK(free.counters().steps == 1);
}
