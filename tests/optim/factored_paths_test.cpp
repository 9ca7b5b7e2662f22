// every way to take a step over factored state leads to the same bits: fused, batched, threads, accumulated, clipped
#include <doctest/doctest.h>

#include <array>
#include <string>
#include <thread>

#include "mango/backend/threads.hpp"
#include "mango/optim/adamw.hpp"
#include "mango/optim/smmf.hpp"
#include "optim/factored.hpp"
#include "support/reference.hpp"

using namespace optim_test;
using mango::factored, mango::matricization, mango::stores, mango::zeros;
using both = stores<factored<>, factored<>>;
using ragged = factored<zeros::lazy, matricization::ragged>;

namespace {

// several chunks with rows that end inside a packet (712 columns) and inside a byte (739); one chunk; in fp32
constexpr std::array<index_t, 6> sizes{712 * 776, 739 * 743, 40 * 37, 15, 1, 7919};
constexpr int steps = 3;

struct model {
  std::vector<std::vector<float>> p, g;
  model() {
    for (std::size_t i = 0; i < sizes.size(); ++i) p.push_back(uniform(sizes[i], i)), g.push_back(p[i]);
  }
  void next_gradients(int t) {
    for (std::size_t i = 0; i < sizes.size(); ++i)
      refill(g[i], uniform(sizes[i], static_cast<std::uint64_t>(100 * t) + i));
  }
};

template <class Optimizer> void add_all(Optimizer& opt, model* bound = nullptr) {
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (bound) opt.add(std::to_string(i), {.shape = {sizes[i]}}, bound->p[i], bound->g[i]);
    else opt.add(std::to_string(i), sizes[i]);
  }
}

// three batched steps on a pool of so many threads
template <class Stores> std::pair<model, snapshot> batched(int threads) {
  mango::threads pool(threads);
  mango::adamw<Stores> opt{{.learning_rate = 0.01}, mango::host{pool}};
  model m;
  add_all(opt, &m);
  for (int t = 0; t < steps; ++t) {
    m.next_gradients(t);
    REQUIRE(opt.step().updated == static_cast<index_t>(sizes.size()));
  }
  return {std::move(m), snapshot(opt)};
}

void same(const std::pair<model, snapshot>& a, const std::pair<model, snapshot>& b) {
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    CAPTURE(sizes[i]);
    CHECK(same_bits(a.first.p[i], b.first.p[i]));
  }
  CHECK(a.second == b.second);
}

template <class Stores> std::pair<model, snapshot> one_by_one(bool backwards) {
  mango::adamw<Stores> opt{{.learning_rate = 0.01}};
  model m;
  add_all(opt);
  for (int t = 0; t < steps; ++t) {
    m.next_gradients(t);
    const auto step = opt.begin_step();
    for (std::size_t k = 0; k < sizes.size(); ++k) {
      const std::size_t i = backwards ? sizes.size() - 1 - k : k;
      step.update(opt.find(std::to_string(i)), m.p[i], m.g[i]);
    }
  }
  return {std::move(m), snapshot(opt)};
}

}  // namespace

TEST_CASE("optim factored paths: 1 to 4 threads, and tensor by tensor in any order: the same bits") {
  const auto first = batched<both>(1);
  for (int threads = 2; threads <= 4; ++threads) same(first, batched<both>(threads));
  same(first, one_by_one<both>(false));
  same(first, one_by_one<both>(true));
}

TEST_CASE("optim factored paths: ragged matrices too") {
  using cut = stores<ragged, ragged>;
  const auto first = batched<cut>(1);
  same(first, batched<cut>(3));
  same(first, one_by_one<cut>(true));
}

TEST_CASE("optim factored paths: distinct tensors may be updated at the same time") {
  const auto expected = one_by_one<both>(false);
  mango::adamw<both> opt{{.learning_rate = 0.01}};
  model m;
  add_all(opt);
  for (int t = 0; t < steps; ++t) {
    m.next_gradients(t);
    const auto step = opt.begin_step();
    std::vector<std::thread> crew;
    for (std::size_t i = 0; i < sizes.size(); ++i)
      crew.emplace_back([&, i] { step.update(mango::tensor_id{static_cast<std::uint32_t>(i)}, m.p[i], m.g[i]); });
    for (auto& t1 : crew) t1.join();
  }
  same(expected, {m, snapshot(opt)});
}

TEST_CASE("optim factored paths: micro-batches accumulate to the step of their sum") {
  mango::adamw<both> opt{{.learning_rate = 0.01, .options = {.accumulate = true}}}, plain{{.learning_rate = 0.01}};
  model m, n;
  add_all(opt);
  add_all(plain);
  for (int t = 0; t < steps; ++t) {
    m.next_gradients(2 * t), n.next_gradients(2 * t + 1);
    const auto step = opt.begin_step({.gradient_scale = 0.5}), other = plain.begin_step({.gradient_scale = 0.5});
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      const auto id = opt.find(std::to_string(i));
      opt.accumulate(id, m.g[i]);
      if (i % 2 == 0) {
        opt.accumulate(id, n.g[i]);
        step.update(id, m.p[i]);
      } else {
        step.update(id, m.p[i], n.g[i]);  // the last one comes with the update
      }
      auto sum = m.g[i];
      for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += n.g[i][k];
      other.update(id, n.p[i], sum);
      CAPTURE(sizes[i]);
      CHECK(same_bits(m.p[i], n.p[i]));
    }
  }
}

TEST_CASE("optim factored paths: clipping in two phases is clipping in one batch, and shrinks the gradient") {
  const mango::smmf_config config{.learning_rate = 0.01, .max_norm = 1};
  mango::smmf<> opt{config}, bound{config};
  mango::smmf<> twin_free{{.learning_rate = 0.01}};
  model m, n, free;
  add_all(opt);
  add_all(twin_free);
  add_all(bound, &n);
  for (int t = 0; t < steps; ++t) {
    m.next_gradients(t), n.next_gradients(t), free.next_gradients(t);
    const double norm = bound.step().gradient_norm;
    CHECK(norm > 100);
    const auto step = opt.begin_step();
    for (std::size_t i = 0; i < sizes.size(); ++i) step.measure(opt.find(std::to_string(i)), m.g[i]);
    const auto scaled = twin_free.begin_step({.gradient_scale = 1 / (norm + 1e-6)});
    for (std::size_t k = sizes.size(); k-- > 0;) {
      const auto id = opt.find(std::to_string(k));
      step.update(id, m.p[k], m.g[k]);
      scaled.update(id, free.p[k], free.g[k]);
      CAPTURE(sizes[k]);
      CHECK(same_bits(m.p[k], n.p[k]));
      CHECK(distance(m.p[k], free.p[k]) < 1e-4);
    }
  }
  CHECK(snapshot(opt) == snapshot(bound));
}

TEST_CASE("optim factored paths: update_into gives the step and leaves the parameter") {
  for (const index_t n : {index_t{712 * 776}, index_t{15}, index_t{40 * 37}}) {
    mango::adamw<both> opt, other;
    const auto id = opt.add("w", n);
    other.add("w", n);
    auto p = uniform(n, 1);
    std::vector<float> delta(p.size());
    for (std::uint64_t t = 0; t < 3; ++t) {
      const auto g = uniform(n, 2 + t);
      const auto before = p;
      opt.begin_step().update_into(id, p, g, delta);
      CHECK(same_bits(p, before));
      auto moved = p;
      other.begin_step().update(id, moved, g);
      for (std::size_t k = 0; k < p.size(); ++k) p[k] += delta[k];
      CHECK(distance(p, moved) < 1e-6);
      p = moved;
    }
    CHECK(distance(floats_of(opt, "w", "m", "rows"), floats_of(other, "w", "m", "rows")) < 1e-6);
  }
}

TEST_CASE("optim factored paths: a gradient that is not finite changes nothing, or is skipped") {
  mango::adamw<both> strict, lenient{{.options = {.on_nonfinite = mango::nonfinite::skip}}};
  constexpr index_t n = 712 * 776;
  auto p = uniform(n, 1), g = uniform(n, 2);
  const auto id = strict.add("w", n);
  lenient.add("w", n);
  strict.begin_step().update(id, p, g);
  lenient.begin_step().update(id, p, g);
  const auto before = p;
  const snapshot state(strict), its(lenient);
  g.back() = HUGE_VALF;
  CHECK_THROWS(strict.begin_step().update(id, p, g));
  CHECK(!lenient.begin_step().update(id, p, g));
  CHECK(same_bits(p, before));
  CHECK(state == snapshot(strict));
  CHECK(its.state == snapshot(lenient).state);
  CHECK(lenient.counters().skipped_updates == 1);
}
