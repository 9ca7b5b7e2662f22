// project/orthonormal.hpp: invariant I1, for vectors that are dependent, equal, zero, huge and tiny, and as many as
// there are dimensions
#include "mango/project/orthonormal.hpp"

#include <doctest/doctest.h>

#include "mango/backend/eigen.hpp"
#include "project/matrices.hpp"

using namespace mango;
using support::matrix;

namespace {

struct held {
  std::vector<float> data;
  vectors_view view;
  held(const matrix& rows, bool columns) {
    data = columns ? transposed(rows).floats() : rows.floats();
    const index_t r = rows.rows, n = rows.cols;
    view = columns ? vectors_view{{data.data(), n, r, r}, true} : vectors_view{{data.data(), r, n, n}, false};
  }
  void orthonormalise_now() {
    std::vector<double> scratch(orthonormal_scratch(view.count()) / sizeof(double));
    orthonormalise(eigen{}, view, reinterpret_cast<std::byte*>(scratch.data()), {1, 2, 3, 4});
  }
};

// how much of the given vectors, each scaled to length 1, lies outside of what is spanned
double outside(const matrix& given, const vectors_view& basis) {
  const matrix q = support::rows_of(basis);
  matrix unit = given;
  for (index_t k = 0; k < unit.rows; ++k) {
    double norm = 0;
    for (index_t i = 0; i < unit.cols; ++i) norm += given(k, i) * given(k, i);
    for (index_t i = 0; i < unit.cols; ++i) unit(k, i) = norm > 0 ? given(k, i) / std::sqrt(norm) : 0;
  }
  return largest(unit - (unit * transposed(q)) * q);
}

matrix random_rows(index_t r, index_t n, std::uint64_t seed) {
  const auto x = support::normals(static_cast<std::size_t>(r * n), seed);
  return {r, n, x.data()};
}

void check(const matrix& rows, double lost = 2e-6) {
  for (const bool columns : {false, true}) {
    held x(rows, columns);
    x.orthonormalise_now();
    CHECK(support::orthogonality_error(x.view) < 2e-6);
    CHECK(outside(rows, x.view) < lost);
  }
}

}  // namespace

TEST_CASE("projection: vectors become orthonormal and span what they did") {
  for (const index_t r : {1, 2, 3, 8, 31, 64}) {
    CAPTURE(r);
    for (const index_t n : {r, r + 1, index_t{257}, index_t{700}}) {
      CAPTURE(n);
      check(random_rows(r, n, static_cast<std::uint64_t>(r * 1000 + n)), n == r ? 1e-4 : 2e-6);
    }
  }
}

TEST_CASE("projection: lengths do not matter") {
  matrix rows = random_rows(6, 100, 7);
  for (index_t k = 0; k < 6; ++k)
    for (index_t i = 0; i < 100; ++i) rows(k, i) *= std::pow(10.0, 6 * static_cast<double>(k) - 20);
  check(rows);
}

TEST_CASE("projection: steep vectors, nearly dependent on each other") {
  // powers of one matrix: each row is nearer to the first direction
  matrix rows = random_rows(8, 300, 8);
  const matrix first = random_rows(1, 300, 9);
  for (index_t k = 0; k < 8; ++k)
    for (index_t i = 0; i < 300; ++i) rows(k, i) = first(0, i) + rows(k, i) * std::pow(4.0, -static_cast<double>(k));
  check(rows, 1e-3);
}

TEST_CASE("projection: dependent, repeated and zero vectors are replaced, and nothing of the others is lost") {
  const index_t n = 60;
  matrix rows = random_rows(10, n, 10);
  for (index_t i = 0; i < n; ++i) {
    rows(3, i) = 0;
    rows(4, i) = rows(1, i);
    rows(6, i) = 2 * rows(0, i) - 3 * rows(2, i);
    rows(9, i) = 1e-3 * rows(8, i);
  }
  check(rows, 1e-5);
  check(matrix(5, n));  // nothing at all
  check(matrix(5, 5));
  matrix same(7, 7);
  for (double& x : same.data) x = 1;
  check(same);
}

TEST_CASE("projection: what replaces a dependent vector depends on the key alone") {
  held a(matrix(4, 50), false), b(matrix(4, 50), false);
  a.orthonormalise_now();
  b.orthonormalise_now();
  CHECK(a.data == b.data);
}
