// rule/kourkoutas.hpp against the formula with the norm of the step before
#include "mango/rule/kourkoutas.hpp"

#include <doctest/doctest.h>

#include <string>

#include "mango/backend/threads.hpp"
#include "mango/rule/momentum.hpp"
#include "mango/rule/second_moment.hpp"
#include "mango/rule/weight_decay.hpp"
#include "rule/follow.hpp"
#include "support/reference.hpp"

using namespace mango;
using namespace rule_test;

namespace {

auto rules(const choose_b2& rule) {
  return chain(rule, average_updates{}, scale_by_second_moment{.b2 = rule.b2_max}, decoupled_step{0.01});
}
// b2 of the coming step, before its warm-up
double next_b2(auto& opt, tensor_id id) {
  (void)opt.begin_step();
  return remembered(opt, id, "kourkoutas", "b2");
}
double norm(std::initializer_list<std::vector<float>> of) {
  double sum = 0;
  for (const auto& g : of) sum += reference::dot(doubles(g), doubles(g));
  return std::sqrt(sum);
}
std::vector<float> spiking(index_t n, unsigned t) {
  auto g = gradient(n, t);
  for (float& x : g) x *= t % 7 == 3 ? 30.0f : 0.5f;
  return g;
}

}  // namespace

static_assert(gradient_rule<choose_b2> && observing_rule<choose_b2> && pooling_rule<choose_b2>);
static_assert(!slicing_rule<choose_b2> && slot_count<choose_b2> == 0);

TEST_CASE("rule kourkoutas: an optimizer follows the twin step by step, through a warm-up too") {
  for (const auto& rule : {choose_b2{}, choose_b2{.b2_max = 0.99, .b2_min = 0.5, .a = 0.5}, choose_b2{.warmup = 20}})
    for (const index_t n : sizes) {
      CAPTURE(n);
      CAPTURE(rule.warmup);
      reference::gradient_average average;
      reference::second_moment second{.b2 = rule.b2_max};
      reference::kourkoutas its{.b2_max = rule.b2_max, .b2_min = rule.b2_min, .a = rule.a, .warmup = rule.warmup};
      const auto twin = [&](numbers& p, const numbers& g) {
        const auto u = second.direction(average.direction(g), g, its.choose(reference::norm({g})));
        for (std::size_t i = 0; i < p.size(); ++i) p[i] -= 0.01 * u[i];
      };
      CHECK(follow(rules(rule), stores<fp32, fp32>{}, n, twin) < 1e-5);
    }
}

TEST_CASE("rule kourkoutas: b2 is b2_max at first, then 0.9047, and what a step sees is for the next one") {
  optimizer opt{rules({}), stores<fp32, fp32>{}};
  const auto id = opt.add("w", 16);
  std::vector<float> p(16);
  const auto v = [&] { return static_cast<double>(optim_test::floats_of(opt, "w", "v")[3]); };
  opt.begin_step().update(id, p, std::vector<float>(16, 1));
  CHECK(v() == doctest::Approx(0.001));
  CHECK(remembered(opt, id, "kourkoutas", "pending") == 1);
  CHECK(next_b2(opt, id) == doctest::Approx(0.999 - 0.099 * 20 / 21));
  CHECK(next_b2(opt, id) == doctest::Approx(0.904714));  // learned once, however many steps are begun
  CHECK(remembered(opt, id, "kourkoutas", "e") == doctest::Approx(0.05 * 4));
  CHECK(remembered(opt, id, "kourkoutas", "pending") == 0);
  opt.begin_step().update(id, p, std::vector<float>(16, 1000));  // the jump itself does not change this b2
  CHECK(v() == doctest::Approx(0.904714 * 0.001 + 0.095286 * 1e6).epsilon(1e-5));
  CHECK(next_b2(opt, id) < 0.91);
}

TEST_CASE("rule kourkoutas: over steady gradients b2 tends to the middle, and without any it is b2_max") {
  optimizer opt{rules({}), stores<fp32, fp32>{}};
  const auto id = opt.add("w", 17);
  std::vector<float> p(17);
  for (int t = 0; t < 200; ++t) opt.begin_step().update(id, p, std::vector<float>(17, 0.25f));
  CHECK(next_b2(opt, id) == doctest::Approx(0.999 - 0.099 / 2).epsilon(1e-4));
  opt.begin_step().update(id, p, std::vector<float>(17));
  CHECK(next_b2(opt, id) == 0.999);
  optimizer none{rules({}), stores<fp32, fp32>{}};
  const auto empty = none.add("w", 17);
  none.begin_step().update(empty, p, std::vector<float>(17));
  CHECK(next_b2(none, empty) == 0.999);
}

TEST_CASE("rule kourkoutas: the norm is of scaled gradients, over many chunks, and of any size") {
  optimizer opt{rules({}), stores<fp32, fp32>{}};
  const auto id = opt.add("w", 150'001);
  auto p = optim_test::uniform(150'001, 1);
  const auto g = gradient(150'001, 1);
  opt.begin_step({.gradient_scale = 0.25}).update(id, p, g);
  (void)next_b2(opt, id);
  CHECK(remembered(opt, id, "kourkoutas", "e") == doctest::Approx(0.05 * 0.25 * norm({g})).epsilon(1e-6));
  for (const float size : {1e30f, 1e-25f}) {
    optimizer other{rules({.tiny = 1e-30}), stores<fp32, fp32>{}};
    const auto w = other.add("w", 4);
    std::vector<float> q(4);
    other.begin_step().update(w, q, std::vector<float>(4, size));
    CHECK(next_b2(other, w) == doctest::Approx(0.904714));
  }
}

TEST_CASE("rule kourkoutas: tensors of a pool have one norm, and others their own") {
  const struct {
    pool by;
    int pool_of[4];
  } cases[] = {{pool::all, {0, 0, 0, 0}},
               {pool::group, {0, 1, 0, 1}},
               {pool::shape, {0, 0, 2, 3}},
               {pool::tensor, {0, 1, 2, 3}}};
  for (const auto& c : cases) {
    CAPTURE(std::string(name_of(c.by)));
    optimizer opt{rules({.by = c.by}), stores<fp32, fp32>{}};
    opt.group({.names = "*odd"}, rules({.by = c.by}));
    const tensor_id ids[] = {opt.add("0 even", {.shape = {5, 3}}), opt.add("1 odd", {.shape = {5, 3}}),
                             opt.add("2 even", {.shape = {3, 5}}), opt.add("3 odd", {.shape = {15}})};
    std::vector<float> p(15);
    reference::kourkoutas twins[4];
    for (unsigned t = 1; t <= 12; ++t) {
      double squares[4] = {};
      const auto step = opt.begin_step();
      for (unsigned i = 0; i < 4; ++i) {
        const auto g = spiking(15, 10 * i + t);
        step.update(ids[i], p, g);
        squares[c.pool_of[i]] += reference::dot(doubles(g), doubles(g));
      }
      for (int i = 0; i < 4; ++i) twins[i].choose(std::sqrt(squares[i]));
      for (int i = 0; i < 4; ++i) {
        auto ahead = twins[c.pool_of[i]];
        CHECK(next_b2(opt, ids[i]) == doctest::Approx(ahead.choose(0)).epsilon(1e-7));
      }
    }
  }
}

TEST_CASE("rule kourkoutas: a tensor that comes late takes over what its pool knows, and does not undo it") {
  optimizer opt{rules({.by = pool::all}), stores<fp32, fp32>{}};
  const auto early = opt.add("early", 16);
  std::vector<float> p(16);
  reference::kourkoutas its;
  for (unsigned t = 1; t <= 9; ++t) {
    const auto g = spiking(16, t);
    opt.begin_step().update(early, p, g);
    its.choose(norm({g}));
  }
  const auto late = opt.add("late", 16);
  for (const auto id : {early, late}) {
    auto ahead = its;
    CHECK(next_b2(opt, id) == doctest::Approx(ahead.choose(0)).epsilon(1e-7));
  }
  const auto g = spiking(16, 10);
  opt.begin_step().update(late, p, g);  // the other one is left out
  its.choose(norm({g}));
  for (const auto id : {early, late}) {
    auto ahead = its;
    CHECK(next_b2(opt, id) == doctest::Approx(ahead.choose(0)).epsilon(1e-7));
  }
}

TEST_CASE("rule kourkoutas: off, it is not there") {
  const auto off = rules({.b2_max = 0.999, .b2_min = 0, .on = false});
  const auto none = chain(average_updates{}, scale_by_second_moment{}, decoupled_step{0.01});
  optimizer with{off, stores<fp32, fp32>{}};
  optimizer without{none, stores<fp32, fp32>{}};
  const auto a = with.add("w", 1009), b = without.add("w", 1009);
  auto p = optim_test::uniform(1009, 1), q = p;
  for (unsigned t = 1; t <= 20; ++t) {
    with.begin_step().update(a, p, spiking(1009, t));
    without.begin_step().update(b, q, spiking(1009, t));
  }
  CHECK(optim_test::same_bits(p, q));
  CHECK(next_b2(with, a) == 0);  // nothing was learned
}

TEST_CASE("rule kourkoutas: the same bits from any order of updates, from step(), and on any number of threads") {
  const auto run = [](int count, bool batched, bool backwards) {
    threads crew{count};
    optimizer opt{rules({.by = pool::all}), stores<fp32, fp32>{}, host{crew}};
    const index_t n[] = {150'001, 17, 1009};
    std::vector<std::vector<float>> p, g(3);
    for (std::size_t i = 0; i < 3; ++i) p.push_back(optim_test::uniform(n[i], i)), g[i].resize(p[i].size());
    std::vector<tensor_id> ids;
    for (std::size_t i = 0; i < 3; ++i) ids.push_back(opt.add(std::to_string(i), {.shape = {n[i]}}, p[i], g[i]));
    for (unsigned t = 1; t <= 6; ++t) {
      for (std::size_t i = 0; i < 3; ++i) optim_test::refill(g[i], spiking(n[i], t + 10 * static_cast<unsigned>(i)));
      if (batched) {
        opt.step();
        continue;
      }
      const auto step = opt.begin_step();
      for (std::size_t k = 0; k < 3; ++k) {
        const std::size_t i = backwards ? 2 - k : k;
        step.update(ids[i], p[i], g[i]);
      }
    }
    return std::pair(p, optim_test::snapshot(opt).state);
  };
  const auto expected = run(1, true, false);
  for (const int count : {1, 2, 3})
    for (const bool backwards : {false, true}) CHECK(run(count, false, backwards) == expected);
  for (const int count : {2, 3}) CHECK(run(count, true, false) == expected);
}
