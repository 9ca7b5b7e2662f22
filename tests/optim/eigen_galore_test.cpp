// optim/galore.hpp: the published first steps, the textbook twin with our bases, and the invariants of projection
#include "mango/optim/galore.hpp"

#include <doctest/doctest.h>

#include "mango/rule/momentum.hpp"
#include "optim/projected.hpp"
#include "support/projected_reference.hpp"

using namespace mango;
using support::basis_of;
using support::gradient;
using support::matrix;
using support::usual;
using support::weights;

namespace {

void check_twin(index_t m, index_t n, galore_config c, const host& where = {}) {
  CAPTURE(m);
  CAPTURE(n);
  CAPTURE(c.subspace.rank);
  galore<> opt{c, eigen{where}};
  auto w = weights(m, n);
  const auto id = opt.add("w", {.shape = {m, n}});
  const projection p = opt.projected(id);
  REQUIRE(p.projects());
  support::projected_adam twin{
      .scale = c.subspace.scale, .wd = c.weight_decay, .right = p.right, .w = {m, n, w.data()}};
  for (int t = 1; t <= 14; ++t) {
    const auto g = gradient(m, n, t);
    opt.begin_step().update(id, w, g);
    const bool due = c.subspace.due(t, name_hash("w"));
    if (due)
      twin.change(basis_of(opt, id), c.subspace.transport == moment_transport::rotate,
                  c.subspace.transport == moment_transport::reset);
    twin.step({m, n, g.data()});
    CHECK(largest(matrix(m, n, w.data()) - twin.w) < 3e-6 * t);
  }
}

}  // namespace

TEST_CASE("galore: the published recurrence, two steps by hand (hf convention)") {
  galore<> opt{{.learning_rate = 1e-2,
                .subspace = {.rank = 1, .refresh_every = 200, .scale = 0.25, .staggered = false},
                .eps = 1e-6,
                .weight_decay = 0.1,
                .convention = adam_convention::hf}};
  std::vector<float> w{0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f};
  const auto id = opt.add("w", {.shape = {3, 2}});
  opt.begin_step().update(
      id, w, std::vector<float>{0.4666666667f, 1.733333333f, 1.733333333f, 2.866666667f, 2.533333333f, 2.266666667f});
  const double first[] = {.09840152843, .1978020379, .2982015142, .397602019, .4980015142, .597402019};
  for (std::size_t i = 0; i < 6; ++i) CHECK(std::fabs(static_cast<double>(w[i]) - first[i]) < 1e-7);
  opt.begin_step().update(id, w, std::vector<float>{0.5f, -1, 2, 0.25f, -0.75f, 1.5f});
  const double second[] = {.09766200745, .1967494099, .2965456658, .3953942211, .496279063, .5951720173};
  for (std::size_t i = 0; i < 6; ++i) CHECK(std::fabs(static_cast<double>(w[i]) - second[i]) < 1e-7);
}

TEST_CASE("galore: the textbook in double with the same bases, every side, transport and rank") {
  for (const auto side :
       {projection_side::std, projection_side::reverse_std, projection_side::left, projection_side::right})
    for (const auto how : {moment_transport::rotate, moment_transport::none, moment_transport::reset}) {
      galore_config c = usual(4);
      c.subspace.side = side;
      c.subspace.transport = how;
      c.weight_decay = 0.1;
      check_twin(30, 20, c);
      check_twin(20, 30, c);
    }
  for (const index_t r : {1, 2, 3, 5, 7, 9, 16, 17, 30}) check_twin(90, 70, usual(r));
  check_twin(67, 300, usual(20));
  check_twin(300, 521, usual(3));
}

TEST_CASE("galore: the same bits on any number of threads") {
  for (const index_t r : {4, 20}) {
    std::vector<float> first;
    for (const int count : {1, 3}) {
      threads pool(count);
      galore<> opt{usual(r), eigen{pool}};
      auto w = weights(150, 130), b = weights(1, 40);
      std::vector<float> g, h = gradient(1, 40, 9);
      opt.add("w", {.shape = {150, 130}}, w, g = gradient(150, 130, 1));
      opt.add("b", {.shape = {40}}, b, h);
      for (int t = 1; t < 7; ++t) {
        g = gradient(150, 130, t);
        opt.bind({0}, w, g);
        opt.step();
      }
      if (count == 1) first = w;
      CHECK(w == first);
    }
  }
}

TEST_CASE("galore: a matrix and its transpose move alike") {
  for (const index_t r : {3, 20}) {
    galore<> a{usual(r)}, b{usual(r)};
    auto w = weights(50, 30), wt = transposed(matrix(50, 30, w.data())).floats();
    const auto ia = a.add("w", {.shape = {50, 30}}), ib = b.add("w", {.shape = {30, 50}});
    CHECK(a.projected(ia).right);
    CHECK_FALSE(b.projected(ib).right);
    for (int t = 1; t <= 6; ++t) {
      const auto g = gradient(50, 30, t);
      a.begin_step().update(ia, w, g);
      b.begin_step().update(ib, wt, transposed(matrix(50, 30, g.data())).floats());
    }
    CHECK(largest(transposed(matrix(50, 30, w.data())) - matrix(30, 50, wt.data())) < 2e-5);
  }
}

TEST_CASE(
    "galore: of gradients inside the subspace nothing is lost: momentum is momentum, whatever the refreshes (I5)") {
  for (const index_t r : {6, 18}) {
    optimizer opt{project({.rank = r, .refresh_every = 3, .scale = 1}, chain(average_updates{0.9}),
                          chain(decoupled_step{1e-2, 0})),
                  stores<fp32>{}, eigen{}};
    optimizer plain{chain(average_updates{0.9}, decoupled_step{1e-2, 0}), stores<fp32>{}};
    auto w = weights(90, 60), v = w;
    const auto a = opt.add("w", {.shape = {90, 60}}), b = plain.add("w", {.shape = {90, 60}});
    REQUIRE(opt.projected(a).rank == r);
    const matrix rows = support::orthonormal_rows(6, 60, 7);
    for (int t = 1; t <= 10; ++t) {
      const auto coefficients = support::normals(90 * 6, static_cast<std::uint64_t>(t));
      const auto g = (matrix(90, 6, coefficients.data()) * rows).floats();
      opt.begin_step().update(a, w, g);
      plain.begin_step().update(b, v, g);
    }
    CHECK(largest(matrix(90, 60, w.data()) - matrix(90, 60, v.data())) < 2e-6);
  }
}

TEST_CASE("galore: the first step moves by lr scale in every coordinate that has a gradient (I7)") {
  galore<> opt{usual(6)};
  auto w = weights(40, 30);
  const matrix before(40, 30, w.data());
  const auto id = opt.add("w", {.shape = {40, 30}});
  opt.begin_step().update(id, w, gradient(40, 30, 1));
  const double moved = std::sqrt((matrix(40, 30, w.data()) - before).squared_norm());
  CHECK(moved == doctest::Approx(1e-2 * 0.25 * std::sqrt(40.0 * 6)).epsilon(1e-3));
}

TEST_CASE("galore: micro-batches are the step on their sum, and accumulate into a step that refreshes (I8)") {
  galore_config c = usual(5, 2);
  c.options.accumulate = true;
  galore<> one{usual(5, 2)}, sum{c};
  auto w = weights(40, 30), v = w;
  const auto a = one.add("w", {.shape = {40, 30}}), b = sum.add("w", {.shape = {40, 30}});
  for (int t = 1; t <= 5; ++t) {
    auto g = gradient(40, 30, t);
    const auto h = gradient(40, 30, t + 50);
    sum.accumulate(b, g);
    sum.accumulate(b, h);
    sum.begin_step().update(b, v);
    for (std::size_t i = 0; i < g.size(); ++i) g[i] += h[i];
    one.begin_step().update(a, w, g);
    CHECK(w == v);
  }
}

TEST_CASE("galore: gradients of zeros only decay the weights, and leave what is known (I11)") {
  galore_config c = usual(4, 2);
  c.weight_decay = 0.5;
  galore<> opt{c};
  auto w = weights(20, 12);
  const auto w0 = w;
  const auto id = opt.add("w", {.shape = {20, 12}});
  const std::vector<float> zero(w.size());
  for (int t = 0; t < 5; ++t) opt.begin_step().update(id, w, zero);
  for (std::size_t i = 0; i < w.size(); ++i)
    CHECK(static_cast<double>(w[i]) ==
          doctest::Approx(static_cast<double>(w0[i]) * std::pow(1 - 0.5e-2, 5)).epsilon(1e-6));
  // the first gradient that is not zero finds a basis at once
  opt.begin_step().update(id, w, gradient(20, 12, 1));
  const auto found = basis_of(opt, id);
  opt.begin_step().update(id, w, zero);
  CHECK(largest(found - basis_of(opt, id)) == 0);
}
