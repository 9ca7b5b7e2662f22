// schedule-free AdamW against the paper's three sequences, and what it is evaluated with
#include "mango/optim/schedule_free.hpp"

#include <doctest/doctest.h>

#include "optim/caught.hpp"
#include "optim/numbers.hpp"
#include "support/compare.hpp"

using namespace optim_test;
using mango::errc;

namespace {

// Algorithm 1 with Adam's second moment: y is trained, z moves, x is their average
struct twin {
  double b1 = 0.9, b2 = 0.999, eps = 1e-8, decay = 0, r = 0, power = 2;
  std::vector<double> x, y, z, v;
  double weights = 0, largest = 0;
  int t = 0;

  explicit twin(const std::vector<float>& start) : x(start.begin(), start.end()), y(x), z(x), v(x.size()) {}
  void step(const std::vector<float>& g, double lr) {
    ++t;
    largest = std::max(largest, lr);
    const double w = std::pow(t, r) * std::pow(largest, power);
    weights += w;
    const double c = w / weights;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const auto slope = static_cast<double>(g[i]);
      v[i] = b2 * v[i] + (1 - b2) * slope * slope;
      const double d = slope / (std::sqrt(v[i] / (1 - std::pow(b2, t))) + eps) + decay * y[i];
      z[i] -= lr * d;
      x[i] = (1 - c) * x[i] + c * z[i];
      y[i] = (1 - b1) * z[i] + b1 * x[i];
    }
  }
};

double worst(const std::vector<float>& got, const std::vector<double>& expected) {
  double most = 0;
  for (std::size_t i = 0; i < got.size(); ++i)
    most = std::max(most, std::abs(static_cast<double>(got[i]) - expected[i]));
  return most;
}

void follows(const mango::schedule_free_config& c, index_t n, bool warm) {
  auto p = uniform(n, 1);
  twin paper(p);
  paper.b1 = c.b1, paper.decay = c.weight_decay, paper.r = c.r, paper.power = c.power;
  mango::schedule_free<> opt{c};
  const auto id = opt.add("w", n);
  std::vector<float> average(p.size());
  for (unsigned t = 1; t <= 60; ++t) {
    const auto g = uniform(n, 100 + t);
    const double lr = warm ? 0.01 * std::min(1.0, t / 20.0) : 0.01;
    opt.begin_step({.learning_rate = lr}).update(id, p, g);
    paper.step(g, lr);
    opt.evaluation_weights(id, p, average);
    CHECK(worst(p, paper.y) < 1e-5);
    CHECK(worst(average, paper.x) < 1e-5);
  }
  if (n > 0) CHECK(worst(average, paper.z) > 1e-3);  // x is not where z is
}

}  // namespace

TEST_CASE("optim schedule_free: trained weights and their average are the paper's, step by step") {
  for (const index_t n : {0, 1, 15, 17, 1009})
    for (const bool warm : {false, true}) {
      CAPTURE(n);
      CAPTURE(warm);
      follows({}, n, warm);
      follows({.b1 = 0.5, .weight_decay = 0.1}, n, warm);
      follows({.r = 2, .power = 1}, n, warm);
    }
}

TEST_CASE("optim schedule_free: the average is exact or refused") {
  mango::schedule_free<mango::stores<mango::fp32, mango::bf16>> rounded{{}};
  auto p = uniform(9, 1), out = p;
  const auto id = rounded.add("w", 9);
  check_error(caught([&] { rounded.evaluation_weights(id, p, out); }), errc::type, "w");
  mango::schedule_free<> opt{{}};
  const auto exact = opt.add("w", 9);
  check_error(caught([&] { opt.evaluation_weights(exact, std::span<const float>(p).first(8), out); }), errc::size, "w");
  check_error(caught([&] { opt.evaluation_weights(exact, p, std::span<float>(out).first(8)); }), errc::size, "w");
  CHECK(caught([] { mango::schedule_free<>{{.b1 = 0}}; }).code() == errc::config);
}

TEST_CASE("optim schedule_free: the first step starts z at the weights, and a rate of 0 moves nothing") {
  mango::schedule_free<> opt{{}};
  auto p = uniform(17, 1);
  const auto start = p;
  const auto id = opt.add("w", 17);
  opt.begin_step({.learning_rate = 0}).update(id, p, uniform(17, 2));
  CHECK(same_bits(p, start));
  std::vector<float> x(17);
  opt.evaluation_weights(id, p, x);
  CHECK(worst(x, {start.begin(), start.end()}) < 1e-6);
}
