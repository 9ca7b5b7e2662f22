// gradients that are finite and huge: accepted, measured without overflow, and refused only when their sum is infinite
#include <doctest/doctest.h>

#include <cfloat>

#include "mango/optim/sgd.hpp"
#include "optim/caught.hpp"
#include "optim/numbers.hpp"
#include "optim/snapshot.hpp"

using namespace optim_test;
using mango::errc;

namespace {

constexpr std::size_t n = 2500;

}  // namespace

TEST_CASE("optim overflow: gradients whose squares overflow have a finite norm and are clipped by it") {
  for (const float size : {1e20f, 1e30f, FLT_MAX / 4, FLT_MAX}) {
    CAPTURE(size);
    std::vector<float> p(n, 1.0f), g(n, size), one{1.0f};
    g[7] = -size;
    const std::vector<float> small{2.0f};
    mango::sgd opt{{.learning_rate = 50, .max_norm = 1}};
    opt.add("large", {.shape = {n}}, p, g);
    opt.add("small", {.shape = {1}}, one, small);
    const auto report = opt.step();
    CHECK(report.applied);
    CHECK(!mango::is_nonfinite(report.gradient_norm));
    CHECK(report.gradient_norm == doctest::Approx(50 * static_cast<double>(size)).epsilon(1e-6));
    CHECK(p[0] == doctest::Approx(0.0).epsilon(1e-4));  // 1 - 50 / sqrt(2500)
    CHECK(p[7] == doctest::Approx(2.0).epsilon(1e-4));
    CHECK(one[0] == 1.0f);
  }
}

TEST_CASE("optim overflow: finite gradients whose sum is infinite are refused before anything is written") {
  const std::vector<float> half(n, FLT_MAX);
  std::vector<float> p(n, 1.0f);
  const auto untouched = p;
  mango::sgd opt{{.learning_rate = 1e-3, .options = {.accumulate = true}}};
  const auto id = opt.add("w", {.shape = {n}}, p, half);
  opt.accumulate(id, half);
  const snapshot before(opt);
  check_error(caught([&] { opt.begin_step().update(id, p, half); }), errc::nonfinite, "w");
  CHECK(same_bits(p, untouched));
  CHECK(snapshot(opt) == before);
}

TEST_CASE("optim overflow: the same in a batched step, which finds it when it measures the sum") {
  const std::vector<float> half(n, FLT_MAX);
  std::vector<float> p(n, 1.0f);
  const auto untouched = p;
  mango::sgd opt{{.learning_rate = 1e-3, .max_norm = 1, .options = {.accumulate = true}}};
  const auto id = opt.add("w", {.shape = {n}}, p, half);
  opt.accumulate(id, half);
  const snapshot before(opt);
  check_error(caught([&] { opt.step(); }), errc::nonfinite, "w");
  CHECK(same_bits(p, untouched));
  CHECK(snapshot(opt) == before);
}

TEST_CASE("optim overflow: the same in two phases: with raise it is an error, not a silent skip") {
  const std::vector<float> half(n, FLT_MAX);
  std::vector<float> p(n, 1.0f);
  const auto untouched = p;
  mango::sgd opt{{.learning_rate = 1e-3, .max_norm = 1, .options = {.accumulate = true}}};
  const auto id = opt.add("w", {.shape = {n}});
  opt.accumulate(id, half);
  const auto e = caught([&] {
    const auto step = opt.begin_step();
    step.measure(id, half);
    step.update(id, p);
  });
  CHECK(e.code() == errc::nonfinite);
  CHECK(same_bits(p, untouched));
  CHECK(opt.counters().skipped_steps == 0);
}
