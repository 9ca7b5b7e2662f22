// Adafactor: what it must hold whatever the formula, the published codes, the textbook twin, every way to take a step
#include "mango/optim/adafactor.hpp"

#include <doctest/doctest.h>

#include "mango/backend/threads.hpp"
#include "mango/store/dynamic8.hpp"
#include "optim/caught.hpp"
#include "optim/recording.hpp"
#include "optim/snapshot.hpp"
#include "support/compare.hpp"
#include "support/reference.hpp"

using namespace optim_test;
using mango::adafactor, mango::adafactor_config, mango::bf16, mango::factored_axes, mango::fp32, mango::stores;
using with_momentum = stores<factored_axes, fp32>;

namespace {

const std::vector<mango::shape> shapes = {{0},        {1},      {7},      {24, 16},  {3, 5},        {5, 3},
                                          {1, 9},     {9, 1},   {31, 37}, {8, 3, 5}, {16, 4, 3, 3}, {10, 4000},
                                          {4000, 10}, {70'001}, {0, 4},   {1, 1},    {2000, 301}};

// a run of `steps` on gradients of the given size; zero gradients as `zero(row, column)` says
template <class Stores = stores<factored_axes>, class Zero>
std::vector<float> run(const adafactor_config& c, std::vector<float> p, const mango::shape& s, int steps, double size,
                       Zero zero) {
  adafactor<Stores> opt{c};
  const auto id = opt.add("w", {.shape = s});
  for (int t = 1; t <= steps; ++t) {
    auto g = uniform(s.elements(), static_cast<std::uint64_t>(t), -size, size);
    for (std::size_t k = 0; k < g.size(); ++k)
      if (zero(static_cast<index_t>(k) / s.columns(), static_cast<index_t>(k) % s.columns())) g[k] = 0;
    REQUIRE(opt.begin_step().update(id, p, g));
  }
  return p;
}
constexpr auto none = [](index_t, index_t) { return false; };
std::vector<float> times(std::vector<float> x, float factor) {
  for (float& each : x) each *= factor;
  return x;
}

// the matrix that factored_axes makes of a shape; none of what is kept in fp32
std::pair<std::size_t, std::size_t> matrix_of(const mango::shape& s) {
  const mango::matrix_grid grid(s, mango::matricization::axes);
  if (grid.rows + grid.columns >= s.elements()) return {0, 0};
  return {static_cast<std::size_t>(grid.rows), static_cast<std::size_t>(grid.columns)};
}

// every step from what the optimizer held before it
template <class Stores> void steps_are_the_twins(const adafactor_config& config, const mango::shape& s) {
  adafactor<Stores> opt{config};
  const auto id = opt.add("w", {.shape = s});
  auto p = uniform(s.elements(), 1);
  reference::adafactor twin;
  twin.b1 = config.b1, twin.decay_rate = config.decay_rate, twin.eps1 = config.eps, twin.d = config.clip_rms;
  twin.eps2 = config.floor, twin.relative = config.parameter_scale, twin.decay = config.weight_decay;
  std::tie(twin.d1, twin.d2) = matrix_of(s);
  CAPTURE(mango::to_text(s).c_str());
  auto expected = support::doubles(p);
  for (int t = 1; t <= 12; ++t) {
    auto g = uniform(s.elements(), static_cast<std::uint64_t>(t), -1, 1);
    for (float& x : g) x *= t % 4 == 3 ? 20.0f : 1.0f;  // some updates are clipped
    for (std::size_t k = static_cast<std::size_t>(t) % 3; k < g.size(); k += 5) g[k] = 0;
    twin.lr = config.learning_rate(t);
    twin.step(expected, support::doubles(g));
    opt.begin_step().update(id, p, g);
    CHECK(distance(p, expected) < 2e-6);
  }
}

// a recording's settings, its factors and its parameters after every step
template <class Stores>
void reproduce(const std::string& name, const adafactor_config& c, const char* rows, const char* columns) {
  const recording golden(name);
  adafactor<Stores> opt{c};
  int factors = 0;
  golden.replay(opt, [&](const auto& tensor, const auto& key, const auto& p, const auto&) {
    CHECK(distance(p, golden.at("p " + key), 0.1) < 2e-6);
    const auto own_rows = floats_of(opt, tensor, "v", "rows"), own_columns = floats_of(opt, tensor, "v", "columns");
    if (own_rows.empty()) return;  // a vector
    auto mean_rows = support::doubles(own_rows);
    double total = 0;
    for (double& x : mean_rows) x /= static_cast<double>(own_columns.size());
    for (const double x : golden.state(key + " " + columns)) total += x;
    auto shares = golden.state(key + " " + columns);
    for (double& x : shares) x /= total;
    CHECK(distance(mean_rows, golden.state(key + " " + rows), 1e-6) < 2e-6);
    CHECK(distance(own_columns, shares, 1e-6) < 2e-6);
    ++factors;
  });
  CHECK(factors == 3 * golden.steps);
}

}  // namespace

TEST_CASE("optim adafactor: the size of gradients does not matter, to the bit for powers of two") {
  for (const auto& s : shapes) {
    if (s.elements() > 2000) continue;
    const auto p = uniform(s.elements(), 1);
    for (const float size : {0x1p-20f, 0x1p20f}) {
      const auto small = run({.eps = 0}, p, s, 5, 1, none);
      CHECK(same_bits(small, run({.eps = 0}, p, s, 5, static_cast<double>(size), none)));
    }
  }
}

TEST_CASE("optim adafactor: steps are in proportion to the weights, down to the floor") {
  const auto p = uniform(24 * 16, 1);
  const auto once = run({}, p, {24, 16}, 8, 1, none), twice = run({}, times(p, 2), {24, 16}, 8, 1, none);
  CHECK(same_bits(times(once, 2), twice));
  const auto fixed = run({.parameter_scale = false}, times(p, 0), {24, 16}, 1, 1, none);
  const auto floor = run({.floor = 0x1p-10}, times(p, 0), {24, 16}, 1, 1, none);
  CHECK(distance(fixed, times(floor, 1024), 1e-9) < 1e-6);
  CHECK(reference::rms(support::doubles(fixed)) ==
        doctest::Approx(1e-2).epsilon(1e-3));  // clipped to 1, times the rate
}

TEST_CASE("optim adafactor: a number whose gradient is always zero stays, whole rows and columns of them too") {
  const auto p = uniform(24 * 16, 1);
  const auto checkers = [](index_t i, index_t j) { return (i + j) % 2 == 0 || i == 5 || j == 7 || i == 6; };
  const auto end = run({}, p, {24, 16}, 20, 1, checkers);
  const auto large = run({}, p, {24, 16}, 20, 1e6, checkers);
  for (index_t i = 0; i < 24; ++i)
    for (index_t j = 0; j < 16; ++j) {
      const auto k = static_cast<std::size_t>(i * 16 + j);
      CHECK((end[k] == p[k]) == checkers(i, j));
      CHECK((large[k] == p[k]) == checkers(i, j));
    }
  CHECK(same_bits(run({}, p, {24, 16}, 3, 0, none), p));
  CHECK(same_bits(run<with_momentum>({.b1 = 0.9}, p, {24, 16}, 3, 0, none), p));
}

TEST_CASE("optim adafactor: an update's root mean square is at most clip_rms, and only cut down to it") {
  mango::adafactor_config c{.learning_rate = 1, .parameter_scale = false};
  const auto p = std::vector<float>(24 * 16);
  for (const double limit : {0.0, 0.5, 1.0, 100.0}) {
    CAPTURE(limit);
    c.clip_rms = limit;
    adafactor opt{c};
    const auto id = opt.add("w", {.shape = {24, 16}});
    std::vector<float> delta(p.size());
    for (int t = 1; t <= 6; ++t) {
      const float size = t == 4 ? 50.0f : 1.0f;
      opt.begin_step().update_into(id, p, times(uniform(24 * 16, static_cast<std::uint64_t>(t)), size), delta);
      const double rms = reference::rms(support::doubles(delta));
      if (limit == 0.0 || limit == 100.0) CHECK((t == 4 ? rms > 1.2 : rms > 0.01));
      else CHECK(rms <= limit * (1 + 1e-6));
      if (limit == 0.5 && t == 4) CHECK(rms == doctest::Approx(0.5).epsilon(1e-6));
    }
  }
}

TEST_CASE("optim adafactor: the relative step is 1e-2, then 1 / sqrt(t); a given rate replaces it") {
  const mango::schedule rate = adafactor_config{}.learning_rate;
  CHECK(rate(1) == 1e-2);
  CHECK(rate(10'000) == doctest::Approx(1e-2));
  CHECK(rate(40'000) == 5e-3);
  const auto p = uniform(24 * 16, 1);
  adafactor relative, given{{.learning_rate = 0.5}};
  const auto id = relative.add("w", {.shape = {24, 16}});
  given.add("w", {.shape = {24, 16}});
  auto a = p, b = p;
  for (std::uint64_t t = 1; t < 5; ++t) {
    relative.begin_step().update(id, a, uniform(24 * 16, t));
    given.begin_step({.learning_rate = 1e-2}).update(id, b, uniform(24 * 16, t));
  }
  CHECK(same_bits(a, b));
}

TEST_CASE("optim adafactor: of matrices and vectors it is torch.optim.Adafactor, to rounding") {
  reproduce<stores<factored_axes>>("adafactor_torch.txt", {.weight_decay = 0.1}, "row_var", "col_var");
}
TEST_CASE("optim adafactor: ... and that of Hugging Face, with momentum") {
  reproduce<with_momentum>("adafactor_momentum.txt", {.b1 = 0.9}, "exp_avg_sq_row", "exp_avg_sq_col");
}
TEST_CASE("optim adafactor: ... and at a rate of its own, with another threshold") {
  reproduce<stores<factored_axes>>("adafactor_fixed_rate.txt",
                                   {.learning_rate = 0.003, .clip_rms = 0.8, .parameter_scale = false},
                                   "exp_avg_sq_row", "exp_avg_sq_col");
}

TEST_CASE("optim adafactor: every step is the textbook's, for every shape and setting") {
  for (const auto& s : shapes) {
    steps_are_the_twins<stores<factored_axes>>({}, s);
    if (s.elements() > 100'000) continue;
    steps_are_the_twins<stores<factored_axes>>({.learning_rate = mango::step_decay{0.02, 3, 0.5},
                                                .decay_rate = -0.5,
                                                .eps = 1e-3,
                                                .clip_rms = 0,
                                                .parameter_scale = false,
                                                .weight_decay = 0.3},
                                               s);
    steps_are_the_twins<with_momentum>({.b1 = 0.9, .clip_rms = 0.7, .floor = 0.7, .weight_decay = 0.3}, s);
  }
}
