// Adafactor: threads, batches, accumulators, bfloat16, steps written elsewhere, its bytes, and what it refuses
#include <doctest/doctest.h>

#include "mango/backend/threads.hpp"
#include "mango/optim/adafactor.hpp"
#include "mango/store/dynamic8.hpp"
#include "optim/caught.hpp"
#include "optim/numbers.hpp"
#include "optim/snapshot.hpp"

using namespace optim_test;
using mango::adafactor, mango::adafactor_config, mango::bf16, mango::errc, mango::factored_axes, mango::fp32,
    mango::stores;

namespace {

const std::vector<mango::shape> shapes = {{5}, {700, 900}, {0}, {33, 3, 7}, {1000, 20}, {70'001}, {1}};
constexpr int steps = 3;

template <class P> std::vector<P> numbers(index_t n, std::uint64_t seed) {
  if constexpr (std::same_as<P, float>) return uniform(n, seed);
  else return to_bf16(uniform(n, seed));
}

// all shapes, in one optimizer; `take(optimizer, ids, parameters, gradients)` takes a step
template <class Stores, class P, class Take>
std::pair<std::vector<std::vector<P>>, snapshot> train(const adafactor_config& c, const mango::host& backend,
                                                       Take take) {
  adafactor<Stores> opt{c, backend};
  std::vector<std::vector<P>> p, g;
  std::vector<mango::tensor_id> ids;
  for (const auto& s : shapes) {
    p.push_back(numbers<P>(s.elements(), p.size()));
    g.push_back(p.back());
  }
  for (std::size_t i = 0; i < p.size(); ++i)
    ids.push_back(opt.add(std::to_string(i), {.shape = shapes[i], .parameter = mango::dtype_of<P>}, p[i], g[i]));
  for (int t = 0; t < steps; ++t) {
    for (std::size_t i = 0; i < p.size(); ++i)
      refill(g[i], numbers<P>(std::ssize(g[i]), 100 * i + static_cast<std::size_t>(t)));
    take(opt, ids, p, g);
  }
  return {p, snapshot(opt)};
}

constexpr auto batched = [](auto& opt, const auto&, auto&, auto&) { CHECK(opt.step().updated == std::ssize(shapes)); };
constexpr auto backwards = [](auto& opt, const auto& ids, auto& p, auto& g) {
  const auto step = opt.begin_step();
  for (std::size_t i = ids.size(); i-- > 0;) CHECK(step.update(ids[i], p[i], g[i]));
};
constexpr auto accumulated = [](auto& opt, const auto& ids, auto& p, auto& g) {
  for (std::size_t i = 0; i < ids.size(); ++i) opt.accumulate(ids[i], g[i]);
  for (std::size_t i = 0; i < ids.size(); ++i)
    std::fill(g[i].begin(), g[i].end(), typename std::decay_t<decltype(g[i])>::value_type{});
  const auto step = opt.begin_step();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i % 2 == 0) CHECK(step.update(ids[i], p[i]));
    else CHECK(step.update(ids[i], p[i], g[i]));
  }
};

template <class R> void check_same(const R& a, const R& b) {
  for (std::size_t i = 0; i < a.first.size(); ++i) CHECK(same_bits(a.first[i], b.first[i]));
  CHECK(a.second == b.second);
}

template <class Stores, class P> void same_bits_in_every_way(const adafactor_config& c) {
  const auto once = train<Stores, P>(c, {}, batched);
  for (const auto& p : once.first)
    for (const P& x : p) REQUIRE(std::abs(static_cast<double>(mango::to_float(x))) < 2);
  for (const int n : {1, 2, 3, 4}) {
    mango::threads pool{n};
    check_same(once, train<Stores, P>(c, mango::host{pool}, batched));
  }
  check_same(once, train<Stores, P>(c, {}, backwards));
  auto with_accumulator = c;
  with_accumulator.options.accumulate = true;
  const auto summed = train<Stores, P>(with_accumulator, {}, accumulated);
  for (std::size_t i = 0; i < once.first.size(); ++i) CHECK(same_bits(once.first[i], summed.first[i]));
}

}  // namespace

TEST_CASE("optim adafactor paths: the same bits on any threads, in batches, in any order, and from an accumulator") {
  same_bits_in_every_way<stores<factored_axes>, float>({.weight_decay = 0.1});
  same_bits_in_every_way<stores<factored_axes, factored_axes>, float>({.b1 = 0.9});
  same_bits_in_every_way<stores<factored_axes, bf16>, mango::bfloat16>({.b1 = 0.9});
  same_bits_in_every_way<stores<mango::dynamic8<>, mango::dynamic8<>>, float>({.b1 = 0.9, .options = {.seed = 3}});
}

TEST_CASE("optim adafactor paths: clipping by the global norm measures all tensors first, and changes nothing else") {
  const auto plain = train<stores<factored_axes>, float>({.eps = 0}, {}, batched);
  // the direction does not depend on the size of the gradient
  const auto clipped = train<stores<factored_axes>, float>({.eps = 0, .max_norm = 1e-3}, {}, batched);
  for (std::size_t i = 0; i < plain.first.size(); ++i) CHECK(distance(plain.first[i], clipped.first[i]) < 1e-5);
  adafactor opt{{.max_norm = 1}};
  auto p = uniform(12, 1);
  const auto id = opt.add("w", {.shape = {4, 3}});
  check_error(caught([&] { opt.begin_step().update(id, p, p); }), errc::overlap, "w", 12, 12);
  check_error(caught([&] { opt.begin_step().update(id, p, uniform(12, 2)); }), errc::order, "w");
}

TEST_CASE("optim adafactor paths: update_into writes what update adds; other stores of v stay near") {
  const auto p = uniform(700 * 90, 1);
  adafactor opt, other;
  const auto id = opt.add("w", {.shape = {700, 90}});
  other.add("w", {.shape = {700, 90}});
  auto q = p, before = p;
  std::vector<float> delta(p.size());
  for (std::uint64_t t = 0; t < 4; ++t) {
    before = q;
    opt.begin_step().update_into(id, q, uniform(700 * 90, t), delta);
    CHECK(same_bits(before, q));
    other.begin_step().update(id, q, uniform(700 * 90, t));
    for (std::size_t k = 0; k < q.size(); ++k) REQUIRE(q[k] == before[k] + delta[k]);
    CHECK(snapshot(opt) == snapshot(other));
  }
  const auto run = []<class Stores>(Stores) {
    const auto out = train<Stores, float>({}, {}, batched).first[3];
    return distance(out, uniform(33 * 21, 3));
  };
  CHECK(run(stores<fp32>{}) > 0.005);
  for (const double moved : {run(stores<factored_axes>{}), run(stores<bf16>{}), run(stores<mango::dynamic8<>>{})})
    CHECK(moved == doctest::Approx(run(stores<fp32>{})).epsilon(0.3));
}

TEST_CASE("optim adafactor paths: bytes are 4 (rows + columns) of a matrix, 4 a number of a vector") {
  const auto bytes = [](const mango::shape& s) { return adafactor<>::state_bytes({.shape = s}); };
  CHECK(bytes({4096, 1024}) == 4 * (4096 + 1024));
  CHECK(bytes({50257, 768}) == 4 * (50257 + 768));
  CHECK(bytes({64, 32, 3, 3}) == 4 * (64 + 288));
  CHECK(bytes({12, 768, 2304}) == 4 * (12 * 768 + 2304));
  CHECK(bytes({4096}) == 4 * 4096);
  CHECK(bytes({1, 4096}) == 4 * 4096);
  CHECK(bytes({2, 2}) == 4 * 4);
  CHECK(bytes({0, 5}) == 0);
  CHECK(bytes({}) == 4);
  using two = adafactor<stores<factored_axes, bf16>>;
  CHECK(two::state_bytes({.shape = {4096, 1024}}) == 4 * (4096 + 1024) + 2 * 4096 * 1024);
  CHECK(adafactor<>::plan::passes == 4);  // two surveys, the step, and the norm that max_norm may ask for
  CHECK(adafactor<>::plan::state_bits == 0);
  CHECK(adafactor<>::plan::bytes_moved() == 3 * 4 + 3 * 4);               // g in every pass; p read twice, written once
  CHECK(adafactor<stores<fp32>>::plan::bytes_moved() == 24 + 8 + 4 + 4);  // v written by the first
  CHECK(two::plan::bytes_moved() == 24 + 2 * 2);
  adafactor opt;
  const auto id = opt.add("w", {.shape = {4096, 1024}});
  const auto state = opt.state(id);
  REQUIRE(state.size() == 2);
  CHECK(state[0].bytes.size() + state[1].bytes.size() == opt.state_bytes());
  CHECK(std::string_view(state[0].slot) == "v");
}

TEST_CASE("optim adafactor paths: bad gradients, spans and settings are refused, and nothing is changed") {
  adafactor opt;
  auto p = uniform(24 * 16, 1);
  const auto id = opt.add("w", {.shape = {24, 16}});
  opt.begin_step().update(id, p, uniform(24 * 16, 2));
  const auto before = p;
  const snapshot then(opt);
  auto g = uniform(24 * 16, 3);
  g[77] = std::bit_cast<float>(0x7fc00000u);
  check_error(caught([&] { opt.begin_step().update(id, p, g); }), errc::nonfinite, "w", 24 * 16, 77);
  check_error(caught([&] { opt.begin_step().update(id, p, uniform(24 * 15, 3)); }), errc::size, "w", 24 * 16, 24 * 15);
  CHECK(same_bits(p, before));
  CHECK(snapshot(opt) == then);
  adafactor skipping{{.options = {.on_nonfinite = mango::nonfinite::skip}}};
  CHECK(!skipping.begin_step().update(skipping.add("w", {.shape = {24, 16}}), p, g));
  CHECK(skipping.counters().skipped_updates == 1);
  CHECK(same_bits(p, before));

  const auto refused = [](const char* name, const adafactor_config& c) {
    check_error(caught([&] { adafactor<stores<factored_axes, fp32>> bad{c}; }), errc::config, name);
  };
  refused("b1", {.b1 = 1});
  refused("decay_rate", {.decay_rate = 0.1});
  refused("decay_rate", {.decay_rate = -1.1});
  refused("eps", {.eps = -1});
  refused("clip_rms", {.clip_rms = -1});
  refused("floor", {.floor = -1});
  refused("weight_decay", {.weight_decay = -1});
  refused("max_norm", {.max_norm = -1});
  refused("learning_rate.peak", {.learning_rate = mango::inverse_sqrt{-1}});
  check_error(caught([] { adafactor bad{{.b1 = 0.9}}; }), errc::config, "b1");
  check_error(caught([&] { opt.group({}, {.b1 = 0.9}); }), errc::config, "b1");
}

TEST_CASE("optim adafactor paths: a group overrides the settings of matching tensors only, its surveys too") {
  const auto p = uniform(24 * 16, 1), g = uniform(24 * 16, 2);
  const adafactor_config fixed{.learning_rate = 0.1, .clip_rms = 0, .parameter_scale = false};
  adafactor all, alone{fixed};
  all.group({.names = "*.special"}, fixed);
  auto a = p, b = p, c = p;
  const auto id = all.add("w.special", {.shape = {24, 16}}), plain = all.add("w.plain", {.shape = {24, 16}});
  const auto its = alone.add("w", {.shape = {24, 16}});
  for (int t = 0; t < 3; ++t) {
    const auto step = all.begin_step();
    step.update(id, a, g);
    step.update(plain, c, g);
    alone.begin_step().update(its, b, g);
  }
  CHECK(same_bits(a, b));
  CHECK(distance(c, p) < 0.1 * distance(a, p));
}

TEST_CASE("optim adafactor paths: large weights and gradients do not overflow") {
  std::vector<float> p(24 * 16, 1e30f);
  adafactor opt;
  const auto id = opt.add("w", {.shape = {24, 16}});
  for (std::uint64_t t = 0; t < 3; ++t) {
    auto g = uniform(24 * 16, t, 0.5, 1);
    for (float& x : g) x *= 1e16f;
    opt.begin_step().update(id, p, g);
  }
  for (const float x : p) CHECK((x > 0.96e30f && x < 0.98e30f));
}
