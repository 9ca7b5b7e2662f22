// optimizers over factored state: recursions that must hold, what rank one keeps, scales, zeros
#include <doctest/doctest.h>

#include "mango/optim/adamw.hpp"
#include "mango/optim/lion.hpp"
#include "mango/optim/smmf.hpp"
#include "optim/factored.hpp"
#include "support/reference.hpp"

using namespace optim_test;
using mango::factored, mango::fp32, mango::matricization, mango::stores, mango::zeros;
using both = stores<factored<>, factored<>>;
using as_published = factored<zeros::reference>;

namespace {

std::vector<double> sums_of_squares(std::span<const float> g, std::size_t d2, bool rows) {
  std::vector<double> out(rows ? g.size() / d2 : d2);
  for (std::size_t k = 0; k < g.size(); ++k)
    out[rows ? k / d2 : k % d2] += static_cast<double>(g[k]) * static_cast<double>(g[k]);
  return out;
}

// signs +-1, the same for the same seed
std::vector<float> signs(index_t n, std::uint64_t seed) {
  auto s = uniform(n, seed);
  for (float& x : s) x = x > 0 ? 1.0f : -1.0f;
  return s;
}

// |g| = a_i b_j f(t), with signs that never change
std::vector<float> rank_one(index_t d1, index_t d2, int t) {
  const auto a = uniform(d1, 1, 0.1, 1), b = uniform(d2, 2, 0.1, 1), s = signs(d1 * d2, 3);
  std::vector<float> g(s.size());
  for (std::size_t k = 0; k < g.size(); ++k)
    g[k] = s[k] * (a[k / static_cast<std::size_t>(d2)] * b[k % static_cast<std::size_t>(d2)]) *
           (1 + 0.5f * std::sin(static_cast<float>(t)));
  return g;
}

// where `steps` steps along rank_one() lead
template <class Optimizer> std::vector<float> follow_rank_one(Optimizer opt, index_t d1, index_t d2, int steps) {
  auto p = uniform(d1 * d2, 4);
  const auto id = opt.add("w", p.size());
  for (int t = 1; t <= steps; ++t) opt.begin_step().update(id, p, rank_one(d1, d2, t));
  return p;
}

// where ten steps with the gradient, eps and nothing else times `scale` lead
template <class Optimizer> std::vector<float> scaled_run(double scale, double eps) {
  constexpr index_t n = 40 * 37;
  typename Optimizer::config c;
  c.learning_rate = 0.01;
  c.eps = eps;
  Optimizer opt{c};
  auto p = uniform(n, 5);
  const auto id = opt.add("w", n);
  for (std::uint64_t t = 0; t < 10; ++t) {
    auto g = uniform(n, 6 + t, 0.5, 1);
    const auto s = signs(n, 60 + t);
    for (std::size_t k = 0; k < g.size(); ++k) g[k] = static_cast<float>(static_cast<double>(s[k] * g[k]) * scale);
    opt.begin_step().update(id, p, g);
  }
  return p;
}

// after `steps` steps: the farthest that an entry with a zero gradient moved; every other one has one of +-1
template <class Optimizer> double drift_of_zeros(Optimizer opt, int steps) {
  constexpr index_t n = 64 * 64;
  std::vector<float> p(n), g(n);
  const auto id = opt.add("w", n);
  for (int t = 0; t < steps; ++t) {
    const auto s = signs(n, static_cast<std::uint64_t>(t));
    for (std::size_t k = 0; k < g.size(); ++k) g[k] = (k / 64 + k) % 2 == 0 ? 0 : s[k];
    opt.begin_step().update(id, p, g);
  }
  double farthest = 0;
  for (std::size_t k = 0; k < g.size(); ++k)
    if (g[k] == 0) farthest = std::max(farthest, std::abs(static_cast<double>(p[k])));
  return farthest;
}

}  // namespace

TEST_CASE("optim factored: the second moment's sums follow their own recursion, as Adafactor's do") {
  for (const index_t n : {index_t{24}, index_t{143}, index_t{40 * 37}, index_t{1031 * 1033}}) {
    mango::adamw<both> opt{{.b2 = 0.99}};
    auto p = uniform(n, 1);
    const auto id = opt.add("w", n);
    const std::size_t d1 = floats_of(opt, "w", "v", "rows").size(), d2 = floats_of(opt, "w", "v", "columns").size();
    const double b2 = static_cast<double>(0.99f), c2 = static_cast<double>(static_cast<float>(1 - 0.99));
    std::vector<double> rows(d1), columns(d2);
    const int steps = n > 10000 ? 5 : 200;
    for (int t = 1; t <= steps; ++t) {
      const auto g = uniform(n, static_cast<std::uint64_t>(t));
      opt.begin_step().update(id, p, g);
      const auto r = sums_of_squares(g, d2, true), c = sums_of_squares(g, d2, false);
      for (std::size_t i = 0; i < d1; ++i) rows[i] = b2 * rows[i] + c2 * r[i];
      for (std::size_t j = 0; j < d2; ++j) columns[j] = b2 * columns[j] + c2 * c[j];
      if (t != 5 && t != steps) continue;
      double total = 0;
      for (const double x : rows) total += x;
      auto shares = columns;
      for (double& x : shares) x /= total;
      CAPTURE(n);
      CAPTURE(t);
      const double bound = t == 5 ? 8e-7 : 3e-6;  // roundings add up over the 100 steps that v remembers
      CHECK(distance(floats_of(opt, "w", "v", "rows"), rows, 1e-30) < bound);
      CHECK(distance(floats_of(opt, "w", "v", "columns"), shares, 1e-30) < bound);
    }
  }
}

TEST_CASE("optim factored: gradients of rank one, with signs that stay, train as with fp32 state") {
  for (const index_t d2 : {24, 33, 128}) {
    const index_t d1 = d2 == 33 ? 37 : d2;
    CAPTURE(d2);
    const mango::adamw_config adam{.learning_rate = 0.01};
    const mango::smmf_config smmf{.learning_rate = 0.01};
    const mango::lion_config lion{.learning_rate = 0.01};
    CHECK(distance(follow_rank_one(mango::adamw<both>{adam}, d1, d2, 100),
                   follow_rank_one(mango::adamw<>{adam}, d1, d2, 100)) < 2e-6);
    CHECK(distance(follow_rank_one(mango::smmf<>{smmf}, d1, d2, 100),
                   follow_rank_one(mango::smmf<stores<fp32, fp32>>{smmf}, d1, d2, 100)) < 2e-6);
    CHECK(same_bits(follow_rank_one(mango::lion<stores<factored<>>>{lion}, d1, d2, 100),
                    follow_rank_one(mango::lion<>{lion}, d1, d2, 100)));
  }
}

TEST_CASE("optim factored: the first step is that of fp32 state, bit for bit") {
  for (const index_t n : {index_t{24}, index_t{143}, index_t{40 * 37}, index_t{739 * 743}}) {
    CAPTURE(n);
    auto p = uniform(n, 1), dense = p;
    auto g = uniform(n, 2);
    g[3] = 0, g[4] = -0.0f;
    mango::adamw<both> opt{{.weight_decay = 0}};
    mango::adamw<> plain{{.weight_decay = 0}};
    opt.begin_step().update(opt.add("w", n), p, g);
    plain.begin_step().update(plain.add("w", n), dense, g);
    CHECK(same_bits(p, dense));
  }
}

// What the rule allows: with eps scaled along, powers of two change no bit as long as (1-b2) g^2, and the sum of a row
// and of 32 rows of them, is a normal float: for g of size s in d columns, (1-b2) s^2 > 2^-126 and d s^2 < 2^128.
TEST_CASE("optim factored: the gradient's scale cancels bit for bit wherever sums of its square are normal floats") {
  for (const int power : {-55, -40, -20, 20, 40, 58}) {
    CAPTURE(power);
    const double eps = power < 0 ? 0x1p-30 : 0x1p-80;
    const double scale = std::ldexp(1.0, power);
    CHECK(same_bits(scaled_run<mango::adamw<both>>(scale, scale * eps), scaled_run<mango::adamw<both>>(1, eps)));
    CHECK(same_bits(scaled_run<mango::smmf<>>(scale, scale * eps), scaled_run<mango::smmf<>>(1, eps)));
  }
}

TEST_CASE("optim factored: no floor: tiny gradients move as far as large ones while eps is tiny too") {
  // a floor of 1e-12 under the sum makes these steps 6 times too large
  for (const double size : {1.0, 1e-6, 1e-9}) {
    std::vector<float> p(64), q(64);
    const std::vector<float> g(64, static_cast<float>(size));
    mango::adamw<both> opt{{.learning_rate = 1e-3, .eps = 1e-20, .weight_decay = 0}};
    mango::smmf<stores<factored<>>> rms{{.learning_rate = 1e-3, .beta = 0, .eps = 1e-20}};
    const auto id = opt.add("w", 64), other = rms.add("w", 64);
    for (int t = 0; t < 100; ++t) opt.begin_step().update(id, p, g), rms.begin_step().update(other, q, g);
    CAPTURE(size);
    for (const float x : p) CHECK(x == doctest::Approx(-0.1).epsilon(1e-3));
    for (const float x : q) CHECK(x == doctest::Approx(-0.1).epsilon(1e-3));
  }
}

TEST_CASE("optim factored: sums that leave the range of float saturate, and weights stay numbers") {
  for (const float size : {1e18f, 1e20f, 3e38f}) {  // beyond 1e20 steps are too long, since v saturates and m does not
    constexpr index_t n = 40 * 37;
    CAPTURE(size);
    mango::adamw<both> opt;
    mango::smmf<> other;
    auto p = uniform(n, 1), q = p;
    const auto id = opt.add("w", n), its = other.add("w", n);
    for (std::uint64_t t = 0; t < 6; ++t) {
      auto g = uniform(n, t);
      if (t == 1)
        for (std::size_t k = 0; k < g.size(); k += 3) g[k] *= size;
      opt.begin_step().update(id, p, g);
      other.begin_step().update(its, q, g);
    }
    for (const float x : p) REQUIRE(std::abs(x) < (size <= 1e20f ? 2 : 1e30f));
    for (const float x : q) REQUIRE(std::abs(x) < (size <= 1e20f ? 2 : 1e30f));
  }
}

TEST_CASE("optim factored: an entry whose gradient is always zero stays where it is, unless told as published") {
  const mango::adamw_config adam{.learning_rate = 1e-3, .weight_decay = 0};
  CHECK(drift_of_zeros(mango::adamw<both>{adam}, 200) == 0);
  CHECK(drift_of_zeros(mango::smmf<>{}, 200) == 0);
  CHECK(drift_of_zeros(mango::lion<stores<factored<>>>{{.learning_rate = 1e-3}}, 200) == 0);
  CHECK(drift_of_zeros(mango::smmf<stores<factored<>>>{{.beta = 0}}, 200) == 0);
  CHECK(drift_of_zeros(mango::adamw<stores<fp32, factored<>>>{adam}, 200) == 0);
  // the published drift, in its own words: 0.0275, 0.036 and 0.199
  CHECK(drift_of_zeros(mango::adamw<stores<as_published, as_published>>{adam}, 200) > 0.01);
  CHECK(drift_of_zeros(mango::smmf<stores<as_published, as_published>>{}, 200) > 0.01);
  CHECK(drift_of_zeros(mango::lion<stores<as_published>>{{.learning_rate = 1e-3}}, 200) > 0.19);
}

TEST_CASE("optim factored: a zero gradient of either sign has no momentum in that step, and gets it back after") {
  constexpr index_t n = 64;
  mango::lion<stores<factored<>>> opt{{.learning_rate = 1}};
  const std::vector<float> ones(n, 1.0f);
  auto holes = ones;
  holes[5] = 0, holes[9] = -0.0f;
  std::vector<float> p(n);
  const auto id = opt.add("w", n);
  opt.begin_step().update(id, p, ones);
  opt.begin_step().update(id, p, holes);
  for (std::size_t k = 0; k < p.size(); ++k) CHECK(p[k] == (k == 5 || k == 9 ? -1.0f : -2.0f));
  opt.begin_step().update(id, p, ones);
  for (std::size_t k = 0; k < p.size(); ++k) CHECK(p[k] == (k == 5 || k == 9 ? -2.0f : -3.0f));
}

TEST_CASE("optim factored: m in fp32 beside a factored v is the m of fp32 state") {
  constexpr index_t n = 40 * 37;
  mango::adamw<stores<fp32, factored<>>> opt;
  mango::adamw<> plain;
  auto p = uniform(n, 1), q = p;
  const auto id = opt.add("w", n), its = plain.add("w", n);
  for (std::uint64_t t = 0; t < 20; ++t) {
    const auto g = uniform(n, t);
    opt.begin_step().update(id, p, g);
    plain.begin_step().update(its, q, g);
  }
  CHECK(distance(floats_of(opt, "w", "m"), floats_of(plain, "w", "m")) < 1e-6);
  CHECK(distance(p, q) < 0.02);  // 20 steps of 0.001
  CHECK(!same_bits(p, q));
  CHECK(opt.state_bytes() == 4 * n + 4 * (40 + 37));
}
