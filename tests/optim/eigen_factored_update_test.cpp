// optim/factored_update.hpp: a step from D and X is the step from D^T X, at and between refreshes
#include "mango/optim/factored_update.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "mango/optim/vlorp.hpp"
#include "optim/projected.hpp"

using namespace mango;
using support::matrix;
using support::weights;

namespace {

struct factors {
  std::vector<float> deltas, inputs, gradient;
  factors(index_t examples, index_t m, index_t n, int t)
      : deltas(support::normals(static_cast<std::size_t>(examples * m), static_cast<std::uint64_t>(t), 0.1)),
        inputs(support::normals(static_cast<std::size_t>(examples * n), static_cast<std::uint64_t>(t) + 1000, 0.1)) {
    gradient = (transposed(matrix(examples, m, deltas.data())) * matrix(examples, n, inputs.data())).floats();
  }
};

template <class Optimizer> void check(const typename Optimizer::config& c, index_t m, index_t n, index_t examples) {
  CAPTURE(m);
  CAPTURE(n);
  CAPTURE(examples);
  Optimizer formed{c}, factored{c};
  auto w = weights(m, n), v = w;
  const auto a = formed.add("w", {.shape = {m, n}}), b = factored.add("w", {.shape = {m, n}});
  REQUIRE(factored.projected(b).projects());
  for (int t = 1; t <= 6; ++t) {
    const factors f(examples, m, n, t);
    formed.begin_step().update(a, w, f.gradient);
    CHECK(update_factored(factored.begin_step(), b, v, f.deltas, f.inputs));
  }
  CHECK(largest(matrix(m, n, w.data()) - matrix(m, n, v.data())) < 3e-5);
}

}  // namespace

TEST_CASE("factored update: the step on D^T X, at a refresh and between two, for every space and side") {
  for (const index_t examples : {40, 300, 600}) {
    for (const index_t r : {3, 20}) {
      check<galore<>>(support::usual(r, 3), 60, 50, examples);
      check<galore<>>(support::usual(r, 3), 50, 60, examples);
    }
    check<vlorp<>>({.learning_rate = 1e-2, .subspace = {.granularity = 5, .resample_every = 3}}, 60, 50, examples);
    check<vlorp<>>({.learning_rate = 1e-2, .subspace = {.granularity = 5, .rank = 2, .resample_every = 3}}, 50, 60,
                   examples);
    check<projfactor<>>({.learning_rate = 1e-2, .subspace = {{.granularity = 10, .resample_every = 3}}}, 60, 50,
                        examples);
    check<projfactor<>>({.learning_rate = 1e-2, .subspace = {{.granularity = 5, .rank = 2}}}, 50, 60, examples);
  }
}

TEST_CASE("factored update: factors that do not fit, are not finite, or have nowhere to go are refused") {
  galore<> opt{support::usual(4)};
  auto w = weights(30, 20);
  const auto before = w;
  const auto id = opt.add("w", {.shape = {30, 20}}), vector = opt.add("b", {.shape = {30}});
  factors f(8, 30, 20, 1);
  const auto step = opt.begin_step();
  const std::span<const float> d(f.deltas), x(f.inputs);
  CHECK_THROWS_WITH_AS(update_factored(step, id, w, d.first(d.size() - 30), x),
                       doctest::Contains("tensor 'w': its deltas has 210 elements, expected 240"), mango::error);
  CHECK_THROWS_WITH_AS(update_factored(step, id, w, d, x.first(x.size() - 1)),
                       doctest::Contains("tensor 'w': its inputs has 159 elements, expected 140"), mango::error);
  CHECK_THROWS_WITH_AS(update_factored(step, id, w, d.first(0), x.first(0)),
                       doctest::Contains("its factors have 0 examples, expected at least 1"), mango::error);
  std::vector<float> b(30);
  CHECK_THROWS_WITH_AS(update_factored(step, vector, b, d, x),
                       doctest::Contains("tensor 'b': it is not projected: form its gradient"), mango::error);
  f.inputs[7] = std::numeric_limits<float>::infinity();
  CHECK_THROWS_WITH_AS(update_factored(step, id, w, d, x),
                       doctest::Contains("tensor 'w': its inputs are not finite at element 7 of 160"), mango::error);
  CHECK(w == before);
  CHECK(opt.updates(id) == 0);

  auto clipped = support::usual(4);
  clipped.max_norm = 1;
  galore<> measuring{clipped};
  const auto other = measuring.add("w", {.shape = {30, 20}});
  CHECK_THROWS_WITH_AS(update_factored(measuring.begin_step(), other, w, d, x),
                       doctest::Contains("a rule needs the norm of all gradients"), mango::error);
}
