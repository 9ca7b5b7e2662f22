// store/factored.hpp: what a matrix keeps of itself as a column, a row and a bit per number
#include "mango/store/factored.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "optim/factored.hpp"
#include "support/compare.hpp"
#include "support/reference.hpp"

#if !defined(MANGO_TEST_DATA)
#define MANGO_TEST_DATA "tests"
#endif

using namespace optim_test;
using mango::factored, mango::matricization, mango::range, mango::zeros;
using kept = kept_matrix<range::any>;
using kept_positive = kept_matrix<range::nonnegative>;
using ragged = factored<zeros::lazy, matricization::ragged>;

namespace {

// small and large, columns in every position of a packet and of a byte, one and several chunks
constexpr index_t sizes[] = {6,   12,   15,      24,      49,      72,        90,        143,         256,
                             323, 1024, 17 * 19, 33 * 40, 64 * 71, 100 * 100, 136 * 140, 1031 * 1033, 712 * 776};

std::vector<float> positive(index_t n, std::uint64_t seed) { return uniform(n, seed, 0.01, 1); }

// a rule that makes something of nothing
struct ones {
  static constexpr std::array slots{mango::slot{"x"}};
  struct frame {};
  frame fold(const mango::step_info&) const { return {}; }
  template <class T> static T apply(const frame&, T u, T& x) {
    x = T(1.0f);
    return u;
  }
};

// the sums of |x| over rows and over columns, in double
struct sums {
  std::vector<double> rows, columns;
  double total = 0;
  sums(const std::vector<float>& x, std::size_t d2) : rows((x.size() + d2 - 1) / d2), columns(d2) {
    for (std::size_t k = 0; k < x.size(); ++k) {
      const double a = std::abs(static_cast<double>(x[k]));
      rows[k / d2] += a, columns[k % d2] += a, total += a;
    }
  }
};

// the largest relative error of any sum of `x` against `expected`
double error_of_sums(const sums& x, const sums& expected) {
  return std::max({distance(x.rows, expected.rows, 1e-300), distance(x.columns, expected.columns, 1e-300),
                   std::abs(x.total / expected.total - 1)});
}

template <class Matrix> void preserves_sums(index_t n, const std::vector<float>& x) {
  CAPTURE(n);
  Matrix matrix(n);
  matrix.encode(x);
  const auto decoded = matrix.decode(x);
  const std::size_t d2 = matrix.columns().size();
  CHECK(error_of_sums(sums(decoded, d2), sums(x, d2)) < 5e-7);
  const sums exact(x, d2);
  CHECK(distance(matrix.rows(), exact.rows, 1e-300) < 5e-7);
  auto shares = exact.columns;
  for (double& c : shares) c /= exact.total;
  CHECK(distance(matrix.columns(), shares, 1e-300) < 5e-7);
}

}  // namespace

TEST_CASE("store factored: rows, columns and total are those of the matrix") {
  for (const index_t n : sizes) {
    preserves_sums<kept_positive>(n, positive(n, 1));
    preserves_sums<kept>(n, uniform(n, 2));
  }
}

TEST_CASE("store factored: in ragged matrices too, where the last row is short") {
  for (const index_t n : std::initializer_list<index_t>{257, 1000, 7919, 10007, 65536, 600011}) {
    // what is decoded has the sums of the whole matrix; the missing cells of the last row take their share with them
    const auto x = uniform(n, 3);
    kept_matrix<range::any, ragged> matrix(n);
    matrix.encode(x);
    const std::size_t d2 = matrix.columns().size();
    CHECK(d2 % 32 == 0);
    const sums exact(x, d2);
    CHECK(distance(matrix.rows(), exact.rows, 1e-300) < 5e-7);
    auto shares = exact.columns;
    for (double& c : shares) c /= exact.total;
    CHECK(distance(matrix.columns(), shares, 1e-300) < 5e-7);
    const auto rows = matrix.rows(), columns = matrix.columns(), decoded = matrix.decode(x);
    int wrong = 0;
    for (std::size_t k = 0; k < x.size(); ++k)
      wrong += decoded[k] != (x[k] > 0 ? 1.0f : -1.0f) * (rows[k / d2] * columns[k % d2]);
    CHECK(wrong == 0);
  }
}

TEST_CASE("store factored: encoding what was decoded changes nothing but the last bits") {
  for (const index_t n : sizes) {
    CAPTURE(n);
    kept matrix(n);
    const auto x = uniform(n, 4);
    matrix.encode(x);
    const auto rows = matrix.rows(), columns = matrix.columns();
    const auto signs = matrix.signs();
    matrix.encode(matrix.decode(x));
    CHECK(distance(matrix.rows(), rows, 1e-30) < 4e-7);
    CHECK(distance(matrix.columns(), columns, 1e-30) < 4e-7);
    CHECK(matrix.signs() == signs);
  }
}

TEST_CASE("store factored: a matrix of rank one is kept") {
  for (const index_t n : sizes) {
    CAPTURE(n);
    kept matrix(n);
    const auto d2 = static_cast<index_t>(matrix.columns().size());
    const auto a = positive(n / d2, 5), b = positive(d2, 6), coin = uniform(n, 7);
    std::vector<float> x(static_cast<std::size_t>(n));
    for (std::size_t k = 0; k < x.size(); ++k)
      x[k] = (coin[k] > 0 ? 1.0f : -1.0f) * a[k / static_cast<std::size_t>(d2)] * b[k % static_cast<std::size_t>(d2)];
    matrix.encode(x);
    CHECK(distance(matrix.decode(x), x, 1e-30) < 1e-6);
  }
}

TEST_CASE("store factored: a times a matrix is kept as a times its rows, and the same columns") {
  for (const float a : {0x1p-60f, 0x1p-10f, 0x1p30f, 0x1p90f}) {
    for (const index_t n : {index_t{72}, index_t{136 * 140}}) {
      const auto x = uniform(n, 8);
      auto scaled = x;
      for (float& v : scaled) v *= a;
      kept plain(n), other(n);
      plain.encode(x), other.encode(scaled);
      auto rows = plain.rows();
      for (float& r : rows) r *= a;
      CHECK(same_bits(other.rows(), rows));
      CHECK(same_bits(other.columns(), plain.columns()));
      CHECK(other.signs() == plain.signs());
    }
  }
}

TEST_CASE("store factored: rows and columns of zeros stay zero, and so does nothing but zeros") {
  constexpr index_t n = 40 * 33;
  auto x = positive(n, 9);
  kept_positive matrix(n);
  const std::size_t d2 = matrix.columns().size();
  REQUIRE(d2 == 33);
  for (std::size_t k = 0; k < x.size(); ++k)
    if (k / d2 == 7 || k % d2 == 32 || k % d2 == 3) x[k] = 0;
  matrix.encode(x);
  const auto decoded = matrix.decode(x);
  for (std::size_t k = 0; k < x.size(); ++k) CHECK((decoded[k] == 0) == (x[k] == 0));

  const std::vector<float> nothing(x.size());
  kept empty(n);
  for (int k = 0; k < 2; ++k) {
    for (const float v : empty.decode(nothing)) CHECK(v == 0);
    for (const float v : empty.rows()) CHECK(v == 0);
    for (const float v : empty.columns()) CHECK(v == 0);
  }
}

TEST_CASE("store factored: scaled by a power of two, rows are scaled and columns stay, from 1e-20 to 1e20") {
  for (const index_t n : {64, 4096, 6710}) {
    const auto x = uniform(n, 20, -1, 1);
    kept_matrix<mango::range::any> one(n);
    one.encode(x);
    for (const float power : {0x1p-67f, 0x1p-5f, 0x1p5f, 0x1p67f}) {
      auto scaled = x;
      for (float& v : scaled) v *= power;
      kept_matrix<mango::range::any> other(n);
      other.encode(scaled);
      CHECK(other.columns() == one.columns());
      CHECK(other.signs() == one.signs());
      auto rows = one.rows();
      for (float& r : rows) r *= power;
      CHECK(other.rows() == rows);
    }
  }
}

TEST_CASE("store factored: a sum of 1e-30 keeps its relative accuracy, there is no floor") {
  for (const double size : {1e-12, 1e-20, 1e-33}) {
    constexpr index_t n = 64;
    auto x = uniform(n, 10, size, 2 * size);
    kept_positive matrix(n);
    matrix.encode(x);
    const auto columns = matrix.columns();
    double total = 0;
    for (const float c : columns) total += static_cast<double>(c);
    CHECK(total == doctest::Approx(1).epsilon(1e-6));
    CHECK(error_of_sums(sums(matrix.decode(x), 8), sums(x, 8)) < 1e-6);
  }
}

TEST_CASE("store factored: what a rule makes of lanes past the end of a row counts nowhere") {
  for (const index_t n : sizes) {
    CAPTURE(n);
    mango::optimizer<decltype(mango::chain(ones{})), mango::stores<factored<>>> opt{mango::chain(ones{})};
    std::vector<float> p(static_cast<std::size_t>(n));
    const auto g = p;
    opt.begin_step().update(opt.add("w", n), p, g);
    const auto rows = floats_of(opt, "w", "x", "rows"), columns = floats_of(opt, "w", "x", "columns");
    for (const float r : rows) CHECK(r == static_cast<float>(columns.size()));
    for (const float c : columns) CHECK(c == 1 / static_cast<float>(columns.size()));
  }
}

TEST_CASE("store factored: element k's sign is bit k, 1 for what is above zero") {
  for (const index_t n : sizes) {
    CAPTURE(n);
    auto x = uniform(n, 11);
    x[1] = 0, x[2] = -0.0f, x[3] = 1e-40f, x[4] = -1e-40f;
    kept matrix(n);
    std::vector<bool> expected;
    for (const float v : x) expected.push_back(v > 0);
    matrix.encode(x);
    CHECK(matrix.signs() == expected);
    for (float& v : x) v = -v;
    matrix.encode(x);
    for (std::size_t k = 0; k < x.size(); ++k) expected[k] = x[k] > 0;
    CHECK(matrix.signs() == expected);
  }
}

TEST_CASE("store factored: the factors are those that SMMF's code computes") {
  std::ifstream file(std::string(MANGO_TEST_DATA) + "/golden/rank_one.txt");
  REQUIRE(file.good());
  int compared = 0;
  for (std::string line; std::getline(file, line);) {
    if (line[0] == '#') continue;
    std::istringstream words(line);
    std::size_t d1 = 0, d2 = 0;
    std::string mark;
    words >> d1 >> d2 >> mark;
    std::vector<float> x(d1 * d2), rows(d1), columns(d2);
    for (float& v : x) words >> v;
    words >> mark;
    for (float& v : rows) words >> v;
    words >> mark;
    for (float& v : columns) words >> v;
    REQUIRE(!words.fail());
    if (d2 == 1 || d2 > d1) continue;  // kept in fp32; a shape that no tensor is given
    kept_positive matrix(static_cast<index_t>(x.size()));
    matrix.encode(x);
    CHECK(distance(matrix.rows(), rows, 1e-35) < 5e-7);
    CHECK(distance(matrix.columns(), columns, 1e-35) < 5e-7);
    ++compared;
  }
  CHECK(compared == 4);
}
