// rule/grams.hpp against the paper's algorithm, and what it may not do
#include "mango/rule/grams.hpp"

#include <doctest/doctest.h>

#include "mango/rule/learning_rate.hpp"
#include "mango/rule/momentum.hpp"
#include "mango/store/factored.hpp"
#include "rule/follow.hpp"
#include "support/compare.hpp"
#include "support/trajectory.hpp"

using namespace mango;
using namespace rule_test;

static_assert(steering_rule<grams> && !settled_rule<grams> && slot_count<grams> == 0);

TEST_CASE("rule grams: the sign of what momentum was made of and the size of u, bit by bit") {
  const auto u = support::spread(1024, 1), x = support::spread(1024, 2);
  const auto expected = reference::grams(doubles(u), doubles(x));
  int wrong = 0;
  for (index_t i = 0; i < 1024; i += packet::lanes) {
    const packet steered = grams::steer<packet>({}, load(u.data(), whole{i}), load(x.data(), whole{i}));
    for (int lane = 0; lane < packet::lanes; ++lane) {
      const auto at = static_cast<std::size_t>(i + lane);
      wrong += support::bits_of(steered[lane]) != support::bits_of(grams::steer<float>({}, u[at], x[at]));
      wrong += static_cast<double>(steered[lane]) != expected[at];
    }
  }
  CHECK(wrong == 0);
  CHECK(support::bits_of(grams::steer<float>({}, 3.0f, 0.0f)) == 0);
  CHECK(support::bits_of(grams::steer<float>({}, -3.0f, -0.0f)) == 0);
  CHECK(grams::steer<float>({}, 3.0f, -1e-45f) == -3.0f);
  CHECK(grams::steer<float>({}, -3.0f, 1e-45f) == 3.0f);
}

TEST_CASE("rule grams: 100 steps stay with the twin") {
  support::hand_loop loop(chain(average_updates{}, grams{}, scale_by_learning_rate{1e-2}), support::start());
  reference::gradient_average average;
  const auto worst = support::run_against_twin<whole>(
      loop,
      [&](auto& p, const auto& g, auto) {
        const auto u = reference::grams(average.direction(g), g);
        for (std::size_t i = 0; i < p.size(); ++i) p[i] -= 1e-2 * u[i];
      },
      support::clock(), 100);
  CHECK(worst.error <= 1e-5);
}

TEST_CASE("rule grams: an optimizer follows the twin step by step") {
  for (const index_t n : sizes) {
    CAPTURE(n);
    reference::gradient_average average;
    const auto twin = [&](numbers& p, const numbers& g) {
      const auto u = reference::grams(average.direction(g), g);
      for (std::size_t i = 0; i < p.size(); ++i) p[i] -= 0.01 * u[i];
    };
    CHECK(follow(chain(average_updates{}, grams{}, scale_by_learning_rate{0.01}), stores<fp32>{}, n, twin) < 2e-6);
  }
}

TEST_CASE("rule grams: updates are as large as without it, and momentum is not told, dense and factored") {
  const auto run = []<class S>(S s) {
    updates with(chain(average_updates{}, grams{}), s, std::vector<float>(1020));
    updates without(chain(average_updates{}), s, std::vector<float>(1020));
    int wrong = 0, turned = 0;
    for (unsigned t = 1; t <= 30; ++t) {
      const auto g = gradient(1020, t);
      const auto u = with(g), m = without(g);
      for (std::size_t i = 0; i < u.size(); ++i) {
        wrong += std::abs(u[i]) != (g[i] == 0 ? 0 : std::abs(m[i]));
        wrong += u[i] * g[i] < 0;
        turned += u[i] * m[i] < 0;
      }
    }
    CHECK(wrong == 0);
    CHECK(turned > 1000);
    CHECK(optim_test::snapshot(with.opt) == optim_test::snapshot(without.opt));
  };
  run(stores<fp32>{});
  run(stores<factored<>>{});
}
