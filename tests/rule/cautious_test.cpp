// rule/cautious.hpp against the paper's algorithm, and what it may not do
#include "mango/rule/cautious.hpp"

#include <doctest/doctest.h>

#include "mango/rule/lion.hpp"
#include "mango/rule/momentum.hpp"
#include "mango/rule/weight_decay.hpp"
#include "mango/store/factored.hpp"
#include "rule/follow.hpp"
#include "support/compare.hpp"
#include "support/reference.hpp"

using namespace mango;
using namespace rule_test;

namespace {

// the rule by itself, on numbers or packets: sums first, then every number
template <class At> std::vector<float> steer(const cautious& rule, std::vector<float> u, const std::vector<float>& x) {
  using number = typename At::number;
  const index_t stride = std::is_same_v<At, one> ? 1 : packet::lanes;
  auto k = rule.fold({});
  sums_of_products<1> sums{{0}, static_cast<double>(u.size())};
  for (std::size_t i = 0; i < u.size(); ++i) {
    const auto of = cautious::observe(k, u[i], x[i], 0.0f);
    sums.sum[0] += static_cast<double>(of.a[0]) * static_cast<double>(of.b[0]);
  }
  rule.settle(k, sums);
  for (index_t i = 0; i < static_cast<index_t>(u.size()); i += stride) {
    const number kept = cautious::steer<number>(k, load(u.data(), At{i}), load(x.data(), At{i}));
    save(u.data(), At{i}, kept);
  }
  return u;
}

}  // namespace

static_assert(steering_rule<cautious> && settled_rule<cautious> && !parameter_rule<cautious>);
static_assert(cautious::needs == survey::update && slot_count<cautious> == 0);

TEST_CASE("rule cautious: numbers and packets are the twin's, each within two roundings") {
  const auto u = support::spread(1024, 1), x = support::spread(1024, 2);
  for (const cautious rule : {cautious{}, cautious{.floor = 0.9}, cautious{.per_count = true}}) {
    const auto expected = reference::cautious(doubles(u), doubles(x), rule.floor, rule.per_count);
    const auto floats = steer<one>(rule, u, x), packets = steer<whole>(rule, u, x);
    CHECK(optim_test::same_bits(floats, packets));
    support::worst off;
    for (std::size_t i = 0; i < u.size(); ++i)
      off.add(static_cast<double>(floats[i]), expected[i], support::unit * std::abs(expected[i]), 0);
    CHECK(off.error <= 2);
  }
}

TEST_CASE("rule cautious: after momentum and after Lion, an optimizer follows the twin step by step") {
  for (const index_t n : sizes) {
    CAPTURE(n);
    reference::gradient_average average;
    const auto adam = [&](numbers& p, const numbers& g) {
      const auto u = reference::cautious(average.direction(g), g);
      for (std::size_t i = 0; i < p.size(); ++i) p[i] -= 0.01 * u[i];
    };
    const auto rules = chain(average_updates{}, cautious{}, scale_by_learning_rate{0.01});
    CHECK(follow(rules, stores<fp32>{}, n, adam) < 2e-6);
    reference::lion its;
    const auto lion = [&](numbers& p, const numbers& g) {
      const auto u = reference::cautious(its.direction(g), g, 1e-3, true);
      for (std::size_t i = 0; i < p.size(); ++i) p[i] -= 0.01 * u[i];
    };
    const auto counted = chain(scale_by_lion{}, cautious{.per_count = true}, scale_by_learning_rate{0.01});
    CHECK(follow(counted, stores<fp32>{}, n, lion) < 2e-6);
  }
}

TEST_CASE("rule cautious: what remains agrees with the gradient, averages to 1 over all, and momentum is not told") {
  const auto run = []<class S>(S s) {
    const index_t n = 1009;
    const std::vector<float> zero(static_cast<std::size_t>(n));
    updates with(chain(average_updates{}, cautious{}), s, zero);
    updates without(chain(average_updates{}), s, zero);
    for (unsigned t = 1; t <= 30; ++t) {
      const auto g = gradient(n, t);
      const auto u = with(g), m = without(g);
      int against = 0, kept = 0;
      double ratios = 0;
      for (std::size_t i = 0; i < u.size(); ++i) {
        against += u[i] * g[i] < 0;
        if (u[i] != 0) ++kept, ratios += static_cast<double>(u[i]) / static_cast<double>(m[i]);
      }
      CHECK(against == 0);
      CHECK((kept > n / 4 && kept < n));
      CHECK(std::abs(ratios / static_cast<double>(n) - 1) < 1e-6);
    }
    CHECK(optim_test::snapshot(with.opt) == optim_test::snapshot(without.opt));
  };
  run(stores<fp32>{});
  run(stores<factored<>>{});
}

TEST_CASE("rule cautious: where no number agrees nothing moves, and where few do the factor stays below 1000") {
  const std::size_t n = 4096;
  updates run(chain(average_updates{.b1 = 0.5}, cautious{}), stores<fp32>{}, std::vector<float>(n));
  std::vector<float> g(n, 1.0f);
  run(g);
  for (float& x : g) x = -0.25f;  // m is 0.5, then 0.125
  CHECK(support::first_difference(run(g), std::vector<float>(n)) == -1);
  for (float& x : g) x = -0.0625f;  // m is 0.03125
  g[77] = 0.5f;                     // and 0.3125
  std::vector<float> expected(n);
  expected[77] = 312.5f;
  CHECK(support::first_difference(run(g), expected) == -1);
  updates loose(chain(cautious{.floor = 1e-9}), stores<>{}, std::vector<float>(n));
  std::fill(g.begin(), g.end(), 0.0f);
  g[5] = 2;
  CHECK(loose(g)[5] == 8192.0f);
}

TEST_CASE("rule cautious: the factor is one over the share that agrees") {
  for (const std::size_t agreeing : {1u, 3u, 5u, 8u}) {
    std::vector<float> u(8, 1.0f), x(8, -1.0f);
    std::fill_n(x.begin(), agreeing, 1.0f);
    CHECK(steer<one>({}, u, x)[0] == static_cast<float>(8.0 / static_cast<double>(agreeing)));
    CHECK(steer<one>({.per_count = true}, u, x)[0] == static_cast<float>(8.0 / static_cast<double>(agreeing + 1)));
  }
}

TEST_CASE("rule cautious: signs are compared, not a product that is too small or too large for a float") {
  const std::vector<float> u{1e-30f, -1e-30f, 1e30f, 1e-30f, -1e30f, 0, 1, 0x1p-149f};
  const std::vector<float> x{1e-30f, -1e-30f, 1e30f, -1e-30f, 1e30f, 1, 0, 0x1p-149f};
  const auto kept = steer<one>({}, u, x);
  CHECK(kept == std::vector<float>{2e-30f, -2e-30f, 2e30f, 0, 0, 0, 0, 0x1p-148f});
}

TEST_CASE("rule cautious: it asks what momentum was made of, which need not be the gradient") {
  updates run(chain(add_decayed_weights{2}, average_updates{.b1 = 0}, cautious{}), stores<fp32>{}, {1, 1, -1, -1});
  const auto u = run({-1, -3, 1, 3});  // with decay 1, -1, -1, 1: momentum is the same
  CHECK(u == std::vector<float>{1, -1, -1, 1});
  // without momentum it is the gradient as it enters the chain
  updates plain(chain(add_decayed_weights{2}, cautious{}), stores<>{}, {1, 1, -1, -1});
  CHECK(plain({-1, -3, 1, 3}) == std::vector<float>{0, -2, 0, 2});
}
