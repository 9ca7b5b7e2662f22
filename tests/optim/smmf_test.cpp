// SMMF: against its textbook twin, its settings, its state
#include <doctest/doctest.h>

#include "mango/optim/smmf.hpp"
#include "optim/caught.hpp"
#include "optim/factored.hpp"
#include "support/reference.hpp"

using namespace optim_test;
using mango::factored, mango::fp32, mango::stores, mango::zeros;
using as_published = factored<zeros::reference>;

namespace {

// what the optimizer remembers of a tensor, as the twin would
reference::factored_moment moment(const mango::tensor_registry& opt, const char* slot, std::size_t n) {
  reference::factored_moment out(n);
  const auto rows = floats_of(opt, "w", slot, "rows"), columns = floats_of(opt, "w", slot, "columns");
  REQUIRE(rows.size() == out.rows.size());
  REQUIRE(columns.size() == out.columns.size());
  out.rows.assign(rows.begin(), rows.end());
  out.columns.assign(columns.begin(), columns.end());
  const auto signs = signs_of(opt, "w", slot, n);
  if (!signs.empty()) out.positive = signs;
  return out;
}

// Every step from the state that the optimizer had before: a sign that flips at zero would lead the two apart.
template <class Stores> void steps_are_the_twins(mango::smmf_config config, index_t n, bool lazy) {
  config.learning_rate = mango::step_decay{.initial = 0.01, .every = 3, .factor = 0.5};
  mango::smmf<Stores> opt{config};
  const auto id = opt.add("w", n);
  auto p = uniform(n, 1);
  reference::smmf twin(p.size());
  twin.beta = config.beta, twin.eps = config.eps, twin.decay = config.weight_decay;
  twin.decay_rate = config.decay_rate, twin.growth_rate = config.growth_rate, twin.lazy = lazy;
  CAPTURE(n);
  CAPTURE(config.beta);
  for (int t = 1; t <= (n > 100000 ? 3 : 12); ++t) {
    auto g = uniform(n, static_cast<std::uint64_t>(t));
    for (std::size_t k = static_cast<std::size_t>(t) % 3; k < g.size(); k += 5) g[k] = 0;
    if (t > 1) {
      if constexpr (Stores::count == 2) twin.m = moment(opt, "m", p.size());
      twin.v = moment(opt, "v", p.size());
    }
    auto expected = support::doubles(p);
    twin.lr = 0.01 * std::pow(0.5, (t - 1) / 3);
    twin.step(expected, support::doubles(g));
    opt.begin_step().update(id, p, g);
    CHECK(distance(p, expected) < 4e-7);
    for (const char* slot : {"m", "v"}) {
      if (Stores::count == 1 && slot[0] == 'm') continue;
      const auto& its = slot[0] == 'm' ? twin.m : twin.v;
      const auto own = moment(opt, slot, p.size());
      CHECK(distance(own.rows, its.rows, 1e-6) < 2e-6);
      CHECK(distance(own.columns, its.columns, 1e-9) < 2e-6);
    }
  }
}

}  // namespace

TEST_CASE("optim smmf: every step is the textbook's, with and without decay, momentum and the zero rule") {
  for (const index_t n : {12, 24, 143, 40 * 37, 130 * 128, 712 * 776, 739 * 743}) {
    using both = stores<factored<>, factored<>>;
    steps_are_the_twins<both>({}, n, true);
    if (n > 100000) continue;
    steps_are_the_twins<both>({.weight_decay = 0.3}, n, true);
    steps_are_the_twins<both>({.beta = 0.5, .eps = 1e-3, .decay_rate = -0.8, .growth_rate = 0.9}, n, true);
    steps_are_the_twins<stores<as_published, as_published>>({}, n, false);
    steps_are_the_twins<stores<factored<>>>({.beta = 0, .weight_decay = 0.3}, n, true);
  }
}

TEST_CASE("optim smmf: one store is v alone, and needs beta = 0; two hold momentum of any size") {
  check_error(caught([] { mango::smmf<stores<factored<>>> opt; }), mango::errc::config, "beta");
  mango::smmf<stores<factored<>>> alone{{.beta = 0}};
  mango::smmf<> both{{.beta = 0}};
  const auto id = alone.add("w", 24), its = both.add("w", 24);
  auto p = uniform(24, 1), q = p;
  for (std::uint64_t t = 0; t < 50; ++t) {
    const auto g = uniform(24, t);
    alone.begin_step().update(id, p, g);
    both.begin_step().update(its, q, g);
  }
  CHECK(distance(p, q) < 1e-6);
  CHECK(alone.state_bytes() == 40);
  CHECK(both.state_bytes() == 84);
  check_error(caught([&] { alone.group({}, mango::smmf_config{}); }), mango::errc::config, "beta");
}

TEST_CASE("optim smmf: settings out of range are refused by name") {
  const auto refused = [](const char* name, const mango::smmf_config& c) {
    check_error(caught([&] { mango::smmf<> opt{c}; }), mango::errc::config, name);
  };
  refused("beta", {.beta = 1});
  refused("eps", {.eps = 0});
  refused("weight_decay", {.weight_decay = -1});
  refused("decay_rate", {.decay_rate = 0.1});
  refused("decay_rate", {.decay_rate = -1.1});
  refused("growth_rate", {.growth_rate = 1.1});
  refused("growth_rate", {.growth_rate = -0.1});
}

TEST_CASE("optim smmf: the defaults are those of its code") {
  const mango::smmf_config c;
  CHECK(c.learning_rate(1) == 1e-3);
  CHECK(c.beta == 0.9);
  CHECK(c.eps == 1e-8);
  CHECK(c.weight_decay == 0);
  CHECK(c.decay_rate == -0.5);
  CHECK(c.growth_rate == 0.999);
  CHECK(c.max_norm == 0);
}

TEST_CASE("optim smmf: other stores hold the same moments") {
  const auto run = []<class Stores>(Stores) {
    mango::smmf<Stores> opt{{.learning_rate = 0.01}};
    auto p = uniform(143, 1);
    const auto id = opt.add("w", p.size());
    for (std::uint64_t t = 0; t < 20; ++t) opt.begin_step().update(id, p, uniform(143, t));
    return p;
  };
  const auto dense = run(stores<fp32, fp32>{}), start = uniform(143, 1);
  CHECK(distance(run(stores<mango::bf16, mango::bf16>{}), dense) < 0.005);
  CHECK(distance(run(stores<fp32, factored<>>{}), dense) < 0.05);
  CHECK(distance(run(stores<factored<>, factored<>>{}), dense) < 0.1);
  CHECK(distance(dense, start) > 0.05);
}

TEST_CASE("optim smmf: a group overrides the settings of matching tensors only") {
  mango::smmf opt{{.learning_rate = 0.1, .weight_decay = 0.5}};
  opt.group({.names = "*.bias"}, {.learning_rate = 0.1});
  const std::vector<float> nothing(24);
  std::vector<float> weight(24, 1.0f), bias(24, 1.0f);
  opt.begin_step().update(opt.add("a.weight", 24), weight, nothing);
  opt.begin_step().update(opt.add("a.bias", 24), bias, nothing);
  for (const float x : weight) CHECK(x == doctest::Approx(0.95));
  for (const float x : bias) CHECK(x == 1.0f);
}
