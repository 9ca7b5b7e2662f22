// rule/orthograd.hpp against the projection as it is written, and where there is nothing to project
#include "mango/rule/orthograd.hpp"

#include <doctest/doctest.h>

#include "mango/rule/momentum.hpp"
#include "mango/rule/second_moment.hpp"
#include "mango/rule/weight_decay.hpp"
#include "rule/follow.hpp"
#include "support/compare.hpp"
#include "support/reference.hpp"

using namespace mango;
using namespace rule_test;

namespace {

// what becomes of a gradient at these parameters
std::vector<float> projected(const std::vector<float>& p, const std::vector<float>& g) {
  updates run(chain(orthograd{}), stores<>{}, p);
  return run(g);
}

}  // namespace

static_assert(parameter_rule<orthograd> && settled_rule<orthograd> && orthograd::needs == survey::update);

TEST_CASE("rule orthograd: across the parameter and as long as the gradient, for every size and over chunks") {
  for (const index_t n : {2, 15, 16, 17, 1009, 200'003})
    for (const double offset : {0.0, 0.5}) {
      CAPTURE(n);
      const auto p = optim_test::uniform(n, 1), g = optim_test::uniform(n, 2, -1 + offset, 1 + offset);
      const auto u = doubles(projected(p, g));
      const double length = reference::norm({u}), before = reference::norm({doubles(g)});
      CHECK(std::abs(reference::dot(u, doubles(p))) < 1e-6 * length * reference::norm({doubles(p)}));
      CHECK(std::abs(length / before - 1) < 1e-6);
      CHECK(optim_test::distance(u, reference::orthograd(doubles(g), doubles(p))) < 1e-6);
    }
}

TEST_CASE("rule orthograd: before Adam an optimizer follows the twin step by step") {
  for (const index_t n : sizes) {
    CAPTURE(n);
    reference::adam its;
    const auto twin = [&](numbers& p, const numbers& g) {
      const auto u = its.direction(reference::orthograd(g, p));
      for (std::size_t i = 0; i < p.size(); ++i) p[i] -= 0.01 * u[i];
    };
    const auto rules = chain(orthograd{}, average_updates{}, scale_by_second_moment{}, decoupled_step{0.01});
    CHECK(follow(rules, stores<fp32, fp32>{}, n, twin) < 1e-5);
  }
}

TEST_CASE("rule orthograd: a gradient along the parameter becomes 0, and nothing is blown up to be something") {
  const auto p = optim_test::uniform(1009, 1);
  for (const float factor : {1.0f, -3.0f, 1e-20f}) {
    auto g = p;
    for (float& x : g) x *= factor;
    for (const float u : projected(p, g)) CHECK(std::abs(u) <= 1e-6f * std::abs(factor));
  }
  for (const float factor : {2.0f, -0.5f}) {  // exactly along it
    auto g = p;
    for (float& x : g) x *= factor;
    CHECK(projected(p, g) == std::vector<float>(1009));
  }
}

TEST_CASE("rule orthograd: no parameter, no gradient and a single number leave everything as it is") {
  const auto g = optim_test::uniform(1009, 2);
  CHECK(support::first_difference(projected(std::vector<float>(1009), g), g) == -1);
  CHECK(support::first_difference(projected(g, std::vector<float>(1009)), std::vector<float>(1009)) == -1);
  for (const float p : {0.0f, 0.3f, -7.0f}) CHECK(projected({p}, {0.7f}) == std::vector<float>{0.7f});
  CHECK(projected({}, {}).empty());
  // numbers that are no weights: so small that their square, or the gradient over them, is no float
  for (const float tiny : {0x1p-149f, 1e-42f, 1e-39f, 1e-25f}) {
    CAPTURE(tiny);
    const auto u = projected({tiny, tiny, 0, 0}, {1, -1, 2, 0});
    CHECK(u == std::vector<float>{1, -1, 2, 0});
    for (const float x : projected({tiny, 0, 0, 0}, {1, 1, 1, 0})) CHECK(std::abs(x) <= 1.23f);
    CHECK(projected({tiny, 0, 0, 0}, {1, 1, 1, 0})[0] == (tiny < 0x1p-126f ? 1.0f : 0.0f));
  }
}

TEST_CASE("rule orthograd: gradients and parameters of any size, whose squares no float could hold") {
  for (const float a : {1e-30f, 1e-12f, 1e12f, 1e30f})
    for (const float b : {1e-12f, 1.0f, 1e12f}) {
      const auto u = projected({b, b, 0, 0}, {a, 0, a, 0});  // along: (a/2, a/2); across: (a/2, -a/2, a)
      const double length = std::sqrt(2.0 / 1.5) * static_cast<double>(a);
      const double expected[] = {length / 2, -length / 2, length, 0};
      for (std::size_t i = 0; i < 4; ++i)
        CHECK(std::abs(static_cast<double>(u[i]) - expected[i]) <= 3e-7 * static_cast<double>(a));
    }
}
