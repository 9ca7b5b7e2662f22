// rule/prodigy.hpp: the distance against the algorithm in one loop, and which tensors share it
#include "mango/rule/prodigy.hpp"

#include <doctest/doctest.h>

#include <string>

#include "mango/backend/threads.hpp"
#include "mango/rule/cautious_decay.hpp"
#include "mango/rule/momentum.hpp"
#include "mango/rule/second_moment.hpp"
#include "mango/rule/weight_decay.hpp"
#include "mango/store/factored.hpp"
#include "rule/follow.hpp"
#include "support/reference.hpp"

using namespace mango;
using namespace rule_test;

namespace {

// d starts so that it grows within a few steps
constexpr estimate_distance base{.d0 = 1e-3};

auto rules(const estimate_distance& rule) {
  return chain(rule, average_updates{}, scale_by_second_moment{.bias_correction = false},
               cautious_step{.learning_rate = rule.learning_rate, .cautious = false});
}
reference::prodigy_distance twin_of(const estimate_distance& r) {
  return {.d0 = r.d0,
          .d_coef = r.d_coef,
          .growth = r.growth_rate,
          .b3 = r.b3,
          .slice = static_cast<std::size_t>(r.every),
          .freeze_after = r.freeze_after,
          .safeguard = r.safeguard,
          .limiter = r.limiter};
}
// Mostly one way, so that there is a distance to go.
std::vector<float> slope(index_t n, unsigned t) {
  auto g = gradient(n, t);
  for (std::size_t i = 0; i < g.size(); ++i) g[i] += i % 3 == 0 ? -0.8f : 0.8f;
  return g;
}

// tensors of an optimizer and their numbers
template <class Stores = stores<fp32, fp32>> struct training {
  optimizer<decltype(rules(base)), Stores> opt;
  std::vector<std::vector<float>> p{}, g{};
  std::vector<tensor_id> ids{};

  explicit training(const estimate_distance& rule, const host& on = {}) : opt(rules(rule), Stores{}, on) {}
  void add(std::string_view name, const shape& s) {
    p.push_back(optim_test::uniform(s.elements(), 7 + p.size(), -0.1, 0.1));
    g.push_back(std::vector<float>(p.back().size()));
    ids.push_back(opt.add(name, {.shape = s}));
  }
  void look(unsigned t) {
    for (std::size_t i = 0; i < p.size(); ++i)
      optim_test::refill(g[i], slope(static_cast<index_t>(p[i].size()), t + 50 * static_cast<unsigned>(i)));
  }
  void step(double rate = -1) {
    const auto now = rate < 0 ? opt.begin_step() : opt.begin_step({.learning_rate = rate});
    for (std::size_t i = 0; i < p.size(); ++i) now.update(ids[i], p[i], g[i]);
  }
  // the distance that the coming step uses
  double d(std::size_t i = 0) {
    (void)opt.begin_step();
    return remembered(opt, ids[i], "prodigy", "d");
  }
  // of these tensors
  void teach(reference::prodigy_distance& its, const std::vector<std::size_t>& of) const {
    std::vector<numbers> at, along;
    for (const std::size_t i : of) at.push_back(doubles(p[i])), along.push_back(doubles(g[i]));
    its.learn(at, along);
  }
};

}  // namespace

static_assert(gradient_rule<estimate_distance> && slicing_rule<estimate_distance> && pooling_rule<estimate_distance>);

TEST_CASE("rule prodigy: d is the twin's after every step, in every variant, over sizes that slices and chunks cut") {
  const auto with = [](auto change) {
    estimate_distance r = base;
    change(r);
    return r;
  };
  const estimate_distance variants[] = {base,
                                        with([](auto& r) { r.every = 1; }),
                                        with([](auto& r) { r.every = 3, r.d_coef = 2; }),
                                        with([](auto& r) { r.limiter = true; }),
                                        with([](auto& r) { r.growth_rate = 1.02; }),
                                        with([](auto& r) { r.safeguard = true, r.b3 = 0.9; }),
                                        with([](auto& r) { r.freeze_after = 9; }),
                                        with([](auto& r) { r.every = 1'000'000; })};
  for (const auto& rule : variants)
    for (const index_t n : {1, 15, 17, 1009, 150'001}) {
      if (n > 2000 && rule.every == 1) continue;
      CAPTURE(n);
      CAPTURE(rule.every);
      training run{rule};
      run.add("w", {n});
      auto its = twin_of(rule);
      for (unsigned t = 1; t <= (n > 2000 ? 6u : 40u); ++t) {
        run.look(t);
        its.lr = t < 5 ? 0.25 * t : 1;
        CHECK(std::abs(run.d() / its.now() - 1) < 2e-6);
        run.teach(its, {0});
        run.step(its.lr);
      }
      if (rule.freeze_after == 0) CHECK(run.d() > 1.2 * rule.d0);
    }
}

TEST_CASE("rule prodigy: gradients and steps are longer by d, and eps too: an optimizer follows the twin") {
  for (const index_t n : sizes) {
    CAPTURE(n);
    auto its = twin_of(base);
    reference::gradient_average average;
    reference::second_moment second{.corrected = false};
    const auto twin = [&](numbers& p, const numbers& g) {
      const double d = its.now();
      its.learn({p}, {g});
      numbers x = g;
      for (double& each : x) each *= d;
      const auto u = second.direction(average.direction(x), x, -1, d);
      for (std::size_t i = 0; i < p.size(); ++i) p[i] -= d * u[i];
    };
    CHECK(follow(rules(base), stores<fp32, fp32>{}, n, twin) < 1e-5);
  }
}

TEST_CASE("rule prodigy: the first step leaves d at d0, and it never becomes smaller, nor grows beyond its limits") {
  estimate_distance limited = base, capped = base;
  limited.limiter = true;
  capped.growth_rate = 1.05;
  for (const auto& rule : {base, limited, capped}) {
    training run{rule};
    run.add("w", {1009});
    double before = run.d(), largest = 1;
    CHECK(before == rule.d0);
    for (unsigned t = 1; t <= 60; ++t) {
      run.look(t < 30 ? t : 1000 + t % 2);
      if (t > 30)  // there and back
        for (float& x : run.g[0]) x *= t % 4 < 2 ? -3.0f : 1.0f;
      run.step();
      const double d = run.d();
      if (t == 1) CHECK(d == rule.d0);
      CHECK(d >= before);
      CHECK(d <= remembered(run.opt, run.ids[0], "prodigy", "d_max"));
      if (t > 2) largest = std::max(largest, d / before);  // from d0 it may leave at once
      before = d;
    }
    CHECK(largest > 1.04);
    if (rule.limiter) CHECK(largest <= 1.1892072);
    if (rule.growth_rate < 2) CHECK(largest <= 1.0500001);
  }
}

TEST_CASE("rule prodigy: frozen, d and its arrays stay, and weights still move") {
  estimate_distance rule = base;
  rule.freeze_after = 5;
  training run{rule};
  run.add("w", {1009});
  const auto s = [&] {
    const auto all = optim_test::floats_of(run.opt, "w", "prodigy", "s");
    return std::vector<float>(all.begin(), all.end());
  };
  for (unsigned t = 1; t <= 5; ++t) run.look(t), run.step();
  const double d = run.d();
  CHECK(d > rule.d0);
  const auto frozen = s();
  CHECK(frozen.size() == 92);
  const auto p = run.p[0];
  for (unsigned t = 6; t <= 12; ++t) run.look(t), run.step();
  CHECK(run.d() == d);
  CHECK(optim_test::same_bits(s(), frozen));
  CHECK(optim_test::distance(run.p[0], p) > 0.5 * d);
  run.add("late", {1009});  // whose own updates are few
  for (unsigned t = 13; t <= 16; ++t) run.look(t), run.step();
  CHECK((run.d(0) == d && run.d(1) == d));
}

TEST_CASE("rule prodigy: zeros teach nothing, and weights that are zero are a start like any other") {
  training run{base};
  run.add("w", {17});
  run.add("empty", {0});
  for (int t = 0; t < 3; ++t) run.step();
  CHECK(run.d() == base.d0);
  for (const float x : run.p[0]) CHECK(x == x);
  std::fill(run.p[0].begin(), run.p[0].end(), 0.0f);
  for (unsigned t = 1; t <= 30; ++t) run.look(t), run.step();
  CHECK(run.d() > 2 * base.d0);
  CHECK(run.d(1) == run.d(0));
}

TEST_CASE("rule prodigy: tensors of a pool learn together, and others do not") {
  const struct {
    pool by;
    std::vector<std::vector<std::size_t>> pools;
  } cases[] = {{pool::all, {{0, 1, 2, 3}}},
               {pool::group, {{0, 2}, {1, 3}}},
               {pool::shape, {{0, 1}, {2}, {3}}},
               {pool::tensor, {{0}, {1}, {2}, {3}}}};
  for (const auto& c : cases) {
    CAPTURE(std::string(name_of(c.by)));
    estimate_distance rule = base;
    rule.by = c.by;
    training run{rule};
    run.opt.group({.names = "*odd"}, rules(rule));
    run.add("0 even", {50, 3}), run.add("1 odd", {50, 3}), run.add("2 even", {3, 50}), run.add("3 odd", {150});
    std::vector<reference::prodigy_distance> twins(c.pools.size(), twin_of(rule));
    for (unsigned t = 1; t <= 25; ++t) {
      run.look(t);
      for (float& x : run.g[t % 4]) x *= 3;
      for (std::size_t k = 0; k < twins.size(); ++k)
        for (const std::size_t i : c.pools[k]) CHECK(std::abs(run.d(i) / twins[k].now() - 1) < 2e-6);
      for (std::size_t k = 0; k < twins.size(); ++k) run.teach(twins[k], c.pools[k]);
      run.step();
    }
    CHECK((run.d(0) == run.d(3)) == (c.by == pool::all));
  }
}

TEST_CASE("rule prodigy: the same bits from any order of updates, from step(), and on any number of threads") {
  const auto run = []<class S>(S, int count, bool batched, bool backwards) {
    threads crew{count};
    training<S> all{base, host{crew}};
    all.add("a", {150'001}), all.add("b", {17}), all.add("c", {40, 25});
    for (std::size_t i = 0; i < 3; ++i) all.opt.bind(all.ids[i], all.p[i], all.g[i]);
    for (unsigned t = 1; t <= 8; ++t) {
      all.look(t);
      if (batched) {
        all.opt.step();
        continue;
      }
      const auto step = all.opt.begin_step();
      for (std::size_t k = 0; k < 3; ++k) {
        const std::size_t i = backwards ? 2 - k : k;
        step.update(all.ids[i], all.p[i], all.g[i]);
      }
    }
    CHECK(all.d() > base.d0);
    return std::pair(all.p, optim_test::snapshot(all.opt).state);
  };
  const auto check = [&](auto s) {
    const auto expected = run(s, 1, true, false);
    for (const bool backwards : {false, true}) CHECK(run(s, 1, false, backwards) == expected);
    for (const int count : {2, 3})
      CHECK((run(s, count, true, false) == expected && run(s, count, false, true) == expected));
  };
  check(stores<fp32, fp32>{});
  check(stores<factored<>, factored<>>{});
}

TEST_CASE("rule prodigy: a tensor that comes late takes over d, and one that is left out teaches nothing") {
  training run{base};
  run.add("early", {1009});
  for (unsigned t = 1; t <= 20; ++t) run.look(t), run.step();
  const double d = run.d();
  CHECK(d > base.d0);
  run.add("late", {17});
  CHECK(run.d(1) == d);
  (void)run.opt.begin_step();  // begun and not used
  CHECK(run.d(0) == d);
  const double r = remembered(run.opt, run.ids[0], "prodigy", "r");
  run.look(21);
  run.opt.begin_step().update(run.ids[1], run.p[1], run.g[1]);
  (void)run.d();
  // the newcomer is where it began: its numerator is 0, and r only fades
  CHECK(remembered(run.opt, run.ids[0], "prodigy", "r") == doctest::Approx(r * base.b3).epsilon(1e-12));
  for (const char* name : {"d", "d_max", "r", "updates"})
    CHECK(remembered(run.opt, run.ids[1], "prodigy", name) == remembered(run.opt, run.ids[0], "prodigy", name));
  CHECK(remembered(run.opt, run.ids[1], "prodigy", "updates") == 21);
}

TEST_CASE("rule prodigy: every rule that ends a chain takes steps d times as long") {
  const auto moved = [](auto step) {
    optimizer opt{chain(estimate_distance{.d0 = 0.25, .freeze_after = 1}, step), stores<>{}};
    std::vector<float> p{1.0f, -2.0f}, g{1.0f, 0.5f};
    opt.begin_step().update(opt.add("w", 2), p, g);
    return p;
  };
  const std::vector<float> expected{1.0f - 0.5f * 0.25f * 0.25f, -2.0f - 0.5f * 0.25f * 0.125f};  // lr d (d g)
  CHECK(moved(scale_by_learning_rate{0.5}) == expected);
  CHECK(moved(decoupled_step{0.5}) == expected);
  CHECK(moved(cautious_step{.learning_rate = 0.5, .cautious = false}) == expected);
}
