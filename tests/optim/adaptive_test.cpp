// the adaptive family as a whole: the same bits however a step is taken, and factored state that equals dense state
// where it can
#include <doctest/doctest.h>

#include "mango/backend/threads.hpp"
#include "mango/optim/adamw.hpp"
#include "mango/optim/ademamix.hpp"
#include "mango/optim/adopt.hpp"
#include "mango/optim/prodigy.hpp"
#include "mango/optim/prodigy_lion.hpp"
#include "mango/optim/schedule_free.hpp"
#include "mango/optim/simplified_ademamix.hpp"
#include "mango/store/dynamic8.hpp"
#include "mango/store/factored.hpp"
#include "optim/numbers.hpp"
#include "optim/snapshot.hpp"

using namespace mango;
using namespace optim_test;

namespace {

using factored_pair = stores<factored<>, factored<>>;

enum class way { batch, threaded, forwards, backwards };

// weights and state after some steps, taken this way
template <class Optimizer> std::string trained(const typename Optimizer::config& c, way how) {
  mango::threads pool{3};
  Optimizer opt{c, how == way::threaded ? host{pool} : host{}};
  const mango::shape shapes[] = {{70'001}, {300, 257}, {1}};
  std::vector<std::vector<float>> p, g;
  for (const auto& s : shapes)
    p.push_back(uniform(s.elements(), 1 + static_cast<unsigned>(p.size()))), g.push_back(p.back());
  for (std::size_t i = 0; i < p.size(); ++i)
    opt.add(std::string(1, static_cast<char>('a' + i)), {.shape = shapes[i]}, p[i], g[i]);
  for (unsigned t = 1; t <= 5; ++t) {
    for (std::size_t i = 0; i < p.size(); ++i)
      for (std::size_t j = 0; j < p[i].size(); ++j)
        g[i][j] = 0.5f * p[i][j] + 0.3f * static_cast<float>((j * 31 + t * 17 + i) % 13) - 1.7f;
    if (how == way::batch || how == way::threaded) {
      opt.step();
      continue;
    }
    const auto step = opt.begin_step();
    for (std::size_t k = 0; k < p.size(); ++k) {
      const std::size_t i = how == way::forwards ? k : p.size() - 1 - k;
      step.update({static_cast<std::uint32_t>(i)}, p[i], g[i]);
    }
  }
  const auto state = snapshot(opt).state;
  std::string out(reinterpret_cast<const char*>(state.data()), state.size());
  for (const auto& x : p) out.append(reinterpret_cast<const char*>(x.data()), x.size() * sizeof(float));
  return out;
}

template <class Optimizer> void same_in_every_way(const typename Optimizer::config& c) {
  const auto batch = trained<Optimizer>(c, way::batch);
  CHECK(trained<Optimizer>(c, way::threaded) == batch);
  CHECK(trained<Optimizer>(c, way::forwards) == batch);
  CHECK(trained<Optimizer>(c, way::backwards) == batch);
}

const direction_features everything{
    .orthograd = true, .cautious = true, .nesterov = true, .atan2 = true, .cautious_decay = true, .kourkoutas = true};

// how far factored and dense state lead apart, of how far they lead: gradients of rank one whose signs stay
template <class Dense, class Factored> double apart(const typename Dense::config& c) {
  constexpr index_t rows = 24, columns = 20;
  auto p = uniform(rows * columns, 1), q = p, g = p;
  const auto start = p;
  Dense dense{c};
  Factored factored{c};
  dense.add("w", {.shape = {rows, columns}}, p, g);
  factored.add("w", {.shape = {rows, columns}}, q, g);
  for (int t = 1; t <= 40; ++t) {
    for (index_t i = 0; i < rows * columns; ++i) {
      const double size =
          (1 + static_cast<double>(i / columns)) * (2 + static_cast<double>(i % columns)) * (1 + 0.1 * t);
      g[static_cast<std::size_t>(i)] = static_cast<float>(i % 3 == 0 ? -size : size);
    }
    dense.step(), factored.step();
  }
  double worst = 0, moved = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(p[i]) - static_cast<double>(q[i])));
    moved = std::max(moved, std::abs(static_cast<double>(p[i]) - static_cast<double>(start[i])));
  }
  return worst / moved;
}

}  // namespace

TEST_CASE("optim adaptive: a step is the same bits in a batch, on threads, and tensor by tensor in any order") {
  same_in_every_way<adopt<>>({});
  same_in_every_way<adopt<factored_pair>>({});
  same_in_every_way<prodigy<>>({.distance = {.d0 = 1e-3}});
  same_in_every_way<prodigy<factored_pair>>({.distance = {.d0 = 1e-3, .slice = 3}});
  same_in_every_way<prodigy<stores<dynamic8<>, dynamic8<>>>>({.distance = {.d0 = 1e-3, .share = pool::tensor}});
  same_in_every_way<prodigy_lion<stores<factored<>>>>({.distance = {.d0 = 1e-3}});
  same_in_every_way<ademamix<>>({.alpha_warmup = 3, .b3_warmup = 3});
  same_in_every_way<simplified_ademamix<factored_pair>>({.b1_warmup = 3});
  same_in_every_way<schedule_free<>>({});
}

TEST_CASE("optim adaptive: ... with every feature") {
  using two = stores<fp32, fp32>;
  same_in_every_way<adamw<two, host, featured>>({.weight_decay = 0.1, .features = everything});
  same_in_every_way<adopt<factored_pair, host, featured>>({.weight_decay = 0.1, .features = everything});
  same_in_every_way<prodigy<two, host, featured>>({.distance = {.d0 = 1e-3}, .features = everything});
  same_in_every_way<adamw<stores<factored<>, factored<>, factored<>>, host, featured>>(
      {.features = {.grams = true, .slow_alpha = 2}});
  same_in_every_way<lion<stores<factored<>>, host, featured>>({.orthograd = true, .cautious = true});
}

TEST_CASE("optim adaptive: factored state is dense state where gradients have rank one") {
  using two = stores<fp32, fp32>;
  CHECK(apart<adamw<two>, adamw<factored_pair>>({}) < 1e-5);
  CHECK(apart<adopt<two>, adopt<factored_pair>>({}) < 1e-5);
  CHECK(apart<prodigy<two>, prodigy<factored_pair>>({.distance = {.d0 = 1e-3}}) < 1e-4);  // through d as well
  CHECK(apart<simplified_ademamix<two>, simplified_ademamix<factored_pair>>({}) < 1e-5);
  CHECK(apart<lion<>, lion<stores<factored<>>>>({}) == 0);
  CHECK(apart<adamw<stores<fp32>>, adamw<stores<factored<>>>>({.b1 = 0}) < 1e-5);
}

TEST_CASE("optim adaptive: without features a featured type is the plain one") {
  const auto close = [](const std::string& a, const std::string& b) {
    double worst = 0;
    const std::size_t n = 70'001 + 300 * 257 + 1;
    for (std::size_t i = 0; i < n; ++i) {
      float x, y;
      std::memcpy(&x, a.data() + a.size() - (i + 1) * sizeof x, sizeof x);
      std::memcpy(&y, b.data() + b.size() - (i + 1) * sizeof y, sizeof y);
      worst = std::max(worst, std::abs(static_cast<double>(x) - static_cast<double>(y)));
    }
    return worst;
  };
  using two = stores<fp32, fp32>;
  CHECK(close(trained<adamw<two>>({}, way::batch), trained<adamw<two, host, featured>>({}, way::batch)) < 1e-6);
  CHECK(close(trained<adopt<two>>({}, way::batch), trained<adopt<two, host, featured>>({}, way::batch)) == 0);
  CHECK(close(trained<lion<>>({}, way::batch), trained<lion<stores<fp32>, host, featured>>({}, way::batch)) < 1e-6);
}

TEST_CASE("optim adaptive: normalised momentum is Adam with its halves in the other order, over any store") {
  const auto rules = chain(scale_by_second_moment{.b1 = 0}, average_updates{.bias_correction = true}, cautious{},
                           decoupled_step{0.01, 0.1});
  const index_t n = 1000;
  optimizer opt{rules, stores<fp32, fp32>{}};
  optimizer small{rules, stores<dynamic8<>, dynamic8<>>{}};
  auto p = uniform(n, 1), q = p, g = p;
  const auto w = opt.add("w", {.shape = {n}}), x = small.add("w", {.shape = {n}});
  std::vector<double> want(p.begin(), p.end()), m(want.size()), v(want.size());
  for (int t = 1; t <= 6; ++t) {
    refill(g, uniform(n, 10 + static_cast<unsigned>(t)));
    double kept = 0;
    std::vector<double> u(want.size());
    for (std::size_t i = 0; i < u.size(); ++i) {
      const double each = static_cast<double>(g[i]);
      v[i] = 0.999 * v[i] + 0.001 * each * each;
      const double normalised = each / (std::sqrt(v[i] / (1 - std::pow(0.999, t))) + 1e-8);
      m[i] = 0.9 * m[i] + 0.1 * normalised;
      u[i] = m[i] * normalised > 0 ? m[i] / (1 - std::pow(0.9, t)) : 0;
      kept += u[i] != 0;
    }
    for (std::size_t i = 0; i < u.size(); ++i) want[i] -= 0.01 * (u[i] * static_cast<double>(n) / kept + 0.1 * want[i]);
    opt.begin_step().update(w, p, g);
    small.begin_step().update(x, q, g);
  }
  double apart = 0, far = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    apart = std::max(apart, std::abs(static_cast<double>(p[i]) - want[i]));
    far = std::max(far, std::abs(static_cast<double>(q[i]) - want[i]));
  }
  CHECK(apart < 1e-6);
  CHECK(far < 0.05);
}
