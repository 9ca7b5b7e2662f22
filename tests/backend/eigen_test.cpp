// backend/eigen.hpp: products, a Cholesky factor and a triangular solve against plain loops in double
#include "mango/backend/eigen.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "support/random.hpp"

using namespace mango;

namespace {

constexpr double sentinel = 12345;

// A row-major matrix with `gap` unused elements after every row, which must stay as they are.
template <class T> struct strided {
  index_t rows, cols, ld;
  std::vector<T> data;

  strided(index_t r, index_t c, index_t gap, std::uint64_t seed) : rows(r), cols(c), ld(c + gap) {
    support::random source(seed);
    data.assign(static_cast<std::size_t>(rows * ld + 1), static_cast<T>(sentinel));  // never null
    for (index_t i = 0; i < rows; ++i)
      for (index_t j = 0; j < cols; ++j) at(i, j) = static_cast<T>(source.normal());
  }
  T& at(index_t i, index_t j) { return data[static_cast<std::size_t>(i * ld + j)]; }
  double operator()(index_t i, index_t j) const {
    return static_cast<double>(data[static_cast<std::size_t>(i * ld + j)]);
  }
  matrix_view<T> view() { return {data.data(), rows, cols, ld}; }
  matrix_view<const T> view() const { return {data.data(), rows, cols, ld}; }
  bool gaps_intact() const {
    bool intact = true;
    for (index_t i = 0; i < rows; ++i)
      for (index_t j = cols; j < ld; ++j) intact = intact && (*this)(i, j) == sentinel;
    return intact;
  }
};

template <class T> constexpr double unit = static_cast<double>(std::numeric_limits<T>::epsilon()) / 2;

// |C - (alpha op(A) op(B) + beta C0)| in units of 2 (k + 3) u times the sum of the terms' magnitudes
template <class T> double gemm_error(index_t m, index_t n, index_t k, bool ta, bool tb, T alpha, T beta, index_t gap) {
  const strided<T> a(ta ? k : m, ta ? m : k, gap, 1), b(tb ? n : k, tb ? k : n, 2 * gap, 2), before(m, n, gap + 1, 3);
  strided<T> c = before;
  eigen{}.gemm(alpha, a.view(), ta, b.view(), tb, beta, c.view());
  double worst = c.gaps_intact() ? 0 : 1e9;
  for (index_t i = 0; i < m; ++i)
    for (index_t j = 0; j < n; ++j) {
      double sum = static_cast<double>(beta) * before(i, j), size = std::abs(sum);
      for (index_t l = 0; l < k; ++l) {
        const double term = static_cast<double>(alpha) * (ta ? a(l, i) : a(i, l)) * (tb ? b(j, l) : b(l, j));
        sum += term, size += std::abs(term);
      }
      const double error = std::abs(c(i, j) - sum), allowed = 2 * static_cast<double>(k + 3) * unit<T> * size;
      if (!(error <= allowed)) worst = std::max(worst, error / allowed);
    }
  return worst;
}

template <class T> void check_gemm() {
  for (const bool ta : {false, true})
    for (const bool tb : {false, true}) {
      CAPTURE(ta);
      CAPTURE(tb);
      for (const index_t gap : {0, 3}) {
        CHECK(gemm_error<T>(7, 5, 9, ta, tb, 1, 0, gap) == 0);
        CHECK(gemm_error<T>(33, 64, 17, ta, tb, T(-0.5), 1, gap) == 0);
        CHECK(gemm_error<T>(1, 40, 3, ta, tb, 2, T(0.25), gap) == 0);
        CHECK(gemm_error<T>(40, 1, 129, ta, tb, 1, -1, gap) == 0);
        CHECK(gemm_error<T>(4, 4, 1, ta, tb, 0, 3, gap) == 0);
      }
      CHECK(gemm_error<T>(3, 4, 0, ta, tb, 1, 2, 1) == 0);  // an empty sum
      CHECK(gemm_error<T>(0, 4, 3, ta, tb, 1, 2, 1) == 0);
      CHECK(gemm_error<T>(3, 0, 3, ta, tb, 1, 2, 1) == 0);
    }
}

// A = X^T X, n x n
template <class T> strided<T> gram(index_t n, index_t terms, index_t gap, std::uint64_t seed) {
  const strided<T> x(terms, n, 0, seed);
  strided<T> a(n, n, gap, seed);
  for (index_t i = 0; i < n; ++i)
    for (index_t j = 0; j < n; ++j) {
      double sum = 0;
      for (index_t l = 0; l < terms; ++l) sum += x(l, i) * x(l, j);
      a.at(i, j) = static_cast<T>(sum);
    }
  return a;
}

template <class T> void check_cholesky(index_t n, index_t gap) {
  CAPTURE(n);
  const strided<T> a = gram<T>(n, 2 * n + 5, gap, 4);
  strided<T> r = a;
  for (index_t i = 0; i < n; ++i)
    for (index_t j = 0; j < i; ++j) r.at(i, j) = std::numeric_limits<T>::quiet_NaN();  // not to be read
  REQUIRE(eigen{}.cholesky(r.view()));
  CHECK(r.gaps_intact());
  double worst = 0, below = 0;
  for (index_t i = 0; i < n; ++i)
    for (index_t j = 0; j < n; ++j) {
      double sum = 0;
      for (index_t l = 0; l <= std::min(i, j); ++l) sum += r(l, i) * r(l, j);
      worst = std::max(worst, std::abs(sum - a(i, j)) / std::sqrt(a(i, i) * a(j, j)));
      if (j < i) below += r(i, j) == 0 ? 0 : 1;
      if (i == j) below += r(i, i) > 0 ? 0 : 1;
    }
  CHECK(below == 0);
  CHECK(worst <= 2 * static_cast<double>(n + 1) * unit<T>);
}

// Out of line, or g++ looks for trouble in Eigen's code for a matrix of one number.
__attribute__((noinline)) bool factored(std::vector<double> a, index_t n) {
  return eigen{}.cholesky(matrix_view<double>{a.data(), n, n, n});
}

}  // namespace

TEST_CASE("backend eigen: gemm, every transpose, stride and scale") { check_gemm<float>(); }

TEST_CASE("backend eigen: gemm with beta 0 does not read C") {
  const strided<float> a(5, 6, 1, 1), b(6, 7, 0, 2);
  strided<float> c(5, 7, 2, 3), clean(5, 7, 2, 3);
  for (index_t i = 0; i < 5; ++i)
    for (index_t j = 0; j < 7; ++j) c.at(i, j) = std::numeric_limits<float>::quiet_NaN();
  eigen{}.gemm(1.0f, a.view(), false, b.view(), false, 0.0f, c.view());
  eigen{}.gemm(1.0f, a.view(), false, b.view(), false, 0.0f, clean.view());
  CHECK(c.data == clean.data);
}

TEST_CASE("backend eigen: cholesky") {
  for (const index_t n : {0, 1, 2, 3, 8, 33}) {
    check_cholesky<float>(n, 0);
    check_cholesky<double>(n, 3);
  }
}

TEST_CASE("backend eigen: cholesky refuses what is not positive definite") {
  const double not_a_number = std::numeric_limits<double>::quiet_NaN();
  CHECK(factored({4}, 1));
  CHECK_FALSE(factored({0}, 1));
  CHECK_FALSE(factored({-1}, 1));
  CHECK_FALSE(factored({not_a_number}, 1));
  CHECK_FALSE(factored({1, 2, 2, 1}, 2));                  // eigenvalues 3 and -1
  CHECK_FALSE(factored({1, 1, 1, 1}, 2));                  // rank 1
  CHECK_FALSE(factored({1, 0, 0, 0, 1, 0, 0, 0, -1}, 3));  // the last pivot
  CHECK_FALSE(factored({1, not_a_number, not_a_number, 1}, 2));
  CHECK(factored({1, 0.5, 0.5, 1}, 2));
}

TEST_CASE("backend eigen: X R^-1") {
  const auto check = [](index_t rows, index_t n, index_t gap, auto number) {
    using T = decltype(number);
    CAPTURE(n);
    strided<T> r = gram<T>(n, 2 * n + 5, gap, 6), x(rows, n, gap + 1, 7);
    REQUIRE(eigen{}.cholesky(r.view()));
    for (index_t i = 0; i < n; ++i)
      for (index_t j = 0; j < i; ++j) r.at(i, j) = 1e6;  // below the diagonal nothing is read
    const strided<T> b = x;
    eigen{}.solve_upper_right(std::as_const(r).view(), x.view());
    CHECK(x.gaps_intact());
    double worst = 0;
    for (index_t i = 0; i < rows; ++i)
      for (index_t j = 0; j < n; ++j) {
        double sum = 0, size = 0;
        for (index_t l = 0; l <= j; ++l) sum += x(i, l) * r(l, j), size += std::abs(x(i, l) * r(l, j));
        worst = std::max(worst, std::abs(sum - b(i, j)) / (size + std::abs(b(i, j)) + 1e-30));
      }
    CHECK(worst <= 2 * static_cast<double>(n + 1) * unit<T>);
  };
  for (const index_t n : {1, 2, 7, 32}) {
    check(11, n, 0, 1.0f);
    check(1, n, 3, 1.0f);
    check(40, n, 2, 1.0);
  }
  check(0, 4, 0, 1.0f);
}
