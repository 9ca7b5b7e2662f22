// rule/survey.hpp: which surveys a chain needs, and that rules find out in them what the textbook says
#include "mango/rule/survey.hpp"

#include <doctest/doctest.h>

#include "mango/optim/optimizer.hpp"
#include "mango/rule/adafactor.hpp"
#include "mango/rule/adam.hpp"
#include "mango/rule/clip.hpp"
#include "mango/rule/global_norm.hpp"
#include "mango/rule/momentum.hpp"
#include "mango/rule/parameter_scale.hpp"
#include "mango/rule/weight_decay.hpp"
#include "mango/store/dynamic8.hpp"
#include "mango/store/factored.hpp"
#include "optim/numbers.hpp"
#include "optim/snapshot.hpp"
#include "support/compare.hpp"
#include "support/reference.hpp"

using namespace mango;
using namespace optim_test;

namespace {

template <class... R> using surveys = detail::surveys<chain_t<R...>>;
using stable_adamw = chain_t<scale_by_adam, clip_by_rms, decoupled_step>;

static_assert(surveys<>::count == 0);
static_assert(surveys<clip_by_global_norm, scale_by_adam, decoupled_step>::count == 0);
static_assert(surveys<clip_by_rms>::count == 1);
static_assert(surveys<scale_by_adafactor>::count == 1);
static_assert(surveys<scale_by_parameter_rms>::count == 1);
static_assert(surveys<clip_by_rms, clip_by_rms>::count == 2);
static_assert(surveys<scale_by_parameter_rms, clip_by_rms>::count == 2);
// the parameter's size and the state share the first
using all = surveys<clip_by_global_norm, scale_by_adafactor, clip_by_rms, scale_by_parameter_rms, average_updates>;
static_assert(all::count == 2);
static_assert(all::plan.at[1] == 0 && all::plan.at[2] == 1 && all::plan.at[3] == 0);
static_assert(all::plan.slots_of(0) == 1 && all::plan.slots_of(1) == 1);
static_assert(all::plan.writer(0) == 0 && all::plan.writer(1) == 2);
static_assert(all::loads_parameter(0) && !all::loads_parameter(1) && all::loads_parameter(2));
static_assert(all::times_moved(0, 0) == 2 && all::times_moved(1, 0) == 1 && all::times_moved(2, 0) == 1);
static_assert(all::times_moved(0, 1) == 0 && all::times_moved(2, 1) == 2);
// a rule before the one that asks is run with its slots unwritten
static_assert(detail::surveys<stable_adamw>::plan.slots_of(0) == 2);
static_assert(detail::surveys<stable_adamw>::plan.writer(1) == 1);
static_assert(surveys<add_decayed_weights, clip_by_rms>::loads_parameter(0));

// what the twin and the optimizer make of one tensor, step by step
template <class Chain, class Stores, class Twin> void follows(const Chain& rules, Stores s, index_t n, Twin twin) {
  optimizer opt{rules, s};
  auto p = uniform(n, 1);
  auto expected = support::doubles(p);
  const auto id = opt.add("w", n);
  CAPTURE(n);
  for (unsigned t = 1; t <= 6; ++t) {
    auto g = uniform(n, t);
    for (float& x : g) x *= t == 4 ? 50.0f : 1.0f;
    twin(expected, support::doubles(g));
    opt.begin_step().update(id, p, g);
    CHECK(distance(p, expected) < 2e-6);
  }
}
void clip(reference::numbers& u, double limit) {
  const double over = std::max(1.0, reference::rms(u) / limit);
  for (double& x : u) x /= over;
}

}  // namespace

TEST_CASE("rule survey: an update after Adam is clipped by its own size, and Adam's moments move once") {
  for (const index_t n : {1, 7, 143, 70'001}) {
    reference::adam its;
    const auto twin = [&its](reference::numbers& p, const reference::numbers& g) {
      auto u = its.direction(g);
      clip(u, 0.7);
      for (std::size_t k = 0; k < p.size(); ++k) p[k] -= 0.01 * u[k];
    };
    follows(chain(scale_by_adam{}, clip_by_rms{0.7}, decoupled_step{.learning_rate = 0.01}), stores<fp32, fp32>{}, n,
            twin);
  }
}

TEST_CASE("rule survey: rules that read the parameter take part, and several sizes are found one after the other") {
  for (const index_t n : {1, 7, 143, 70'001})
    follows(chain(add_decayed_weights{3}, clip_by_rms{0.5}, scale_by_parameter_rms{}, clip_by_rms{0.1}), stores<>{}, n,
            [](reference::numbers& p, reference::numbers g) {
              const double scale = reference::rms(p);
              for (std::size_t k = 0; k < p.size(); ++k) g[k] += 3 * p[k];
              clip(g, 0.5);
              for (double& x : g) x *= scale;
              clip(g, 0.1);
              for (std::size_t k = 0; k < p.size(); ++k) p[k] += g[k];
            });
}

TEST_CASE("rule survey: a factor that the next rule has taken over is in a later rule's survey once") {
  for (const index_t n : {1, 17, 1009}) {
    reference::adam its;
    const auto twin = [&its](reference::numbers& p, const reference::numbers& g) {
      auto u = its.direction(g);
      for (double& x : u) x *= -0.5;
      clip(u, 0.2);
      for (std::size_t k = 0; k < p.size(); ++k) p[k] += u[k];
    };
    follows(chain(scale_by_adam{}, scale_by_learning_rate{0.5}, clip_by_rms{0.2}), stores<fp32, fp32>{}, n, twin);
    its = {};
    follows(chain(scale_by_adam{}, decoupled_step{0.5}, clip_by_value{}, clip_by_rms{0.2}), stores<fp32, fp32>{}, n,
            twin);
  }
}

TEST_CASE("rule survey: a survey leaves every kind of store as it is") {
  const auto run = []<class Stores>(Stores s, double limit) {
    optimizer opt{chain(scale_by_adam{}, clip_by_rms{limit}, decoupled_step{.learning_rate = 0.01}), s};
    const auto id = opt.add("w", 40 * 37);
    auto p = uniform(40 * 37, 1);
    for (unsigned t = 1; t <= 6; ++t) opt.begin_step().update(id, p, uniform(40 * 37, t));
    return std::pair(p, snapshot(opt));
  };
  const auto same = [&](auto s) {
    const auto off = run(s, 0), loose = run(s, 1e6), tight = run(s, 0.1);
    CHECK(same_bits(off.first, loose.first));
    CHECK(off.second == loose.second);  // the moments do not depend on the clipping
    CHECK(off.second == tight.second);
    CHECK(distance(off.first, tight.first) > 0.01);
  };
  same(stores<fp32, fp32>{});
  same(stores<bf16, bf16>{});
  same(stores<kahan, kahan>{});
  same(stores<dynamic8<>, dynamic8<>>{});
  same(stores<factored<>, factored<>>{});
  same(stores<bf16, factored<>>{});
}

TEST_CASE("rule survey: what has accumulated is used once, by a chain whose surveys are idle too") {
  for (const double limit : {0.0, 1e6}) {
    optimizer opt{
        chain(clip_by_rms{limit}, scale_by_parameter_rms{.on = false}), stores<>{}, host{}, {.accumulate = true}};
    const auto id = opt.add("w", 7);
    std::vector<float> p(7), g(7, 1.0f);
    for (int t = 1; t <= 2; ++t) {
      opt.accumulate(id, g);
      opt.begin_step().update(id, p, g);
      for (const float x : p) CHECK(x == 2.0f * static_cast<float>(t));
    }
  }
}

TEST_CASE("rule survey: a plain average starts at (1 - b1) u, and a hand loop runs the rules one number at a time") {
  const average_updates rule{0.75};
  const auto k = rule.fold({});
  float m = 0;
  CHECK(average_updates::apply(k, 4.0f, m) == 1.0f);
  CHECK(average_updates::apply(k, 4.0f, m) == 1.75f);
  scale_by_adafactor adafactor;
  const auto first = adafactor.fold({.t = 1});
  float v = 123;
  scale_by_adafactor::prepare(first, 3.0f, v);
  CHECK(v == 9.0f);
  CHECK(scale_by_adafactor::apply(first, 3.0f, v) == 1.0f);
  CHECK(scale_by_adafactor::apply(first, 0.0f, 0.0f) == 0.0f);
  const auto later = adafactor.fold({.t = 32});
  scale_by_adafactor::prepare(later, 3.0f, v = 1);
  CHECK(v == doctest::Approx(1 - 1 / 16.0 + 9 / 16.0));
}
