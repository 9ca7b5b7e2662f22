// project/subspace.hpp: what a basis captures, of spectra that are known, and of gradients that are strange
#include "mango/project/subspace.hpp"

#include <doctest/doctest.h>

#include "mango/backend/eigen_decompositions.hpp"
#include "project/matrices.hpp"

namespace mango::inline MANGO_ABI {
template void eigen::eigenvectors<double>(matrix_view<double>, double*) const;
}  // namespace mango

using namespace mango;
using support::matrix;

namespace {

// a basis of one matrix, found and followed
struct follower {
  projection p;
  std::vector<float> basis;
  std::vector<double> scratch;
  std::uint32_t epoch = 0;
  eigen on{};

  follower(index_t m, index_t n, index_t r, projection_side side = projection_side::std)
      : p(projection_of(shape{m, n}, r, side)),
        basis(static_cast<std::size_t>(p.basis_elements())),
        scratch(detail::subspace_room::bytes(p) / sizeof(double) + 1) {}
  bool find(const matrix& g, bool cold, index_t extra, int steps) {
    const auto x = g.floats();
    return refresh(on, p, matrix_view<const float>{x.data(), g.rows, g.cols, g.cols}, basis.data(),
                   reinterpret_cast<std::byte*>(scratch.data()), {1, 2, ++epoch, 4}, cold, extra, steps);
  }
  bool cold(const matrix& g) { return find(g, true, detail::sketch_count(p) - p.rank, 2); }
  bool warm(const matrix& g) {
    const index_t room = detail::sketch_count(p) - p.rank;
    return find(g, false, p.rank > thin_rank / 2 ? 0 : room < warm_extra ? room : warm_extra, warm_steps(p.rank));
  }
  vectors_view vectors() { return p.vectors(basis.data(), p.rank); }
  // |P^T G|^2, or |G Q^T|^2
  double captured(const matrix& g) {
    const matrix q = support::rows_of(vectors());
    return (p.right ? g * transposed(q) : q * g).squared_norm();
  }
};

double power_sum(index_t r, double power) {
  double sum = 0;
  for (index_t i = 1; i <= r; ++i) sum += std::pow(static_cast<double>(i), -2 * power);
  return sum;
}
matrix scaled(matrix a, double by) {
  for (double& x : a.data) x *= by;
  return a;
}
matrix sum(matrix a, const matrix& b) {
  for (std::size_t i = 0; i < a.data.size(); ++i) a.data[i] += b.data[i];
  return a;
}

}  // namespace

TEST_CASE("subspace: a gradient of low rank is captured whole, from either side") {
  const matrix g = support::with_spectrum(40, 25, 5, 0.5, 1);
  for (const auto side :
       {projection_side::left, projection_side::right, projection_side::std, projection_side::reverse_std})
    for (const index_t r : {5, 9, 25}) {
      follower f(40, 25, r, side);
      CHECK(f.cold(g));
      CHECK(support::orthogonality_error(f.vectors()) < 5e-6);
      CHECK(f.captured(g) == doctest::Approx(g.squared_norm()).epsilon(1e-5));
      CHECK(f.warm(g));
      CHECK(support::orthogonality_error(f.vectors()) < 5e-6);
      CHECK(f.captured(g) == doctest::Approx(g.squared_norm()).epsilon(1e-5));
    }
}

TEST_CASE("subspace: a start from nothing has 0.98 of the best on a flat spectrum, 0.998 on a steep one") {
  for (const auto& [m, n] : {std::pair<index_t, index_t>{300, 200}, {150, 260}})
    for (const index_t r : {4, 8, 40})
      for (const double power : {0.5, 1.0}) {
        CAPTURE(r);
        CAPTURE(power);
        const matrix g = support::with_spectrum(m, n, m < n ? m : n, power, 3);
        follower f(m, n, r);
        CHECK(f.cold(g));
        CHECK(f.captured(g) / power_sum(r, power) > (power < 0.75 ? 0.98 : 0.998));
        CHECK(f.captured(g) / power_sum(r, power) < 1.00001);
      }
}

TEST_CASE("subspace: a new strong direction is found at the second refresh at the latest, with few vectors too") {
  const index_t m = 300, n = 200;
  const matrix before = support::with_spectrum(m, n, n, 1, 4), other = support::with_spectrum(m, n, n, 1, 40),
               g = sum(scaled(before, 0.95), scaled(other, 0.3122));
  for (const index_t r : {2, 4, 8, 24}) {
    CAPTURE(r);
    follower f(m, n, r), best(m, n, r);
    f.cold(before);
    best.find(g, true, detail::sketch_count(best.p) - r, 8);
    f.warm(g);
    f.warm(g);
    CHECK(f.captured(g) / best.captured(g) > 0.99);
  }
}

TEST_CASE("subspace: the scale of a gradient does not matter") {
  const matrix g = support::with_spectrum(70, 50, 50, 0.7, 5);
  for (const index_t r : {3, 20}) {
    follower usual(70, 50, r);
    usual.cold(g);
    for (const double by : {1e-20, 1e-30, 1e20, 1e30}) {
      CAPTURE(by);
      follower f(70, 50, r);
      CHECK(f.cold(scaled(g, by)));
      CHECK(support::orthogonality_error(f.vectors()) < 5e-6);
      CHECK(f.captured(g) == doctest::Approx(usual.captured(g)).epsilon(1e-4));
      CHECK(f.warm(scaled(g, by)));
      CHECK(support::orthogonality_error(f.vectors()) < 5e-6);
    }
  }
}

TEST_CASE("subspace: of a gradient of zeros a start makes a basis, and a refresh changes none") {
  const matrix g = support::with_spectrum(30, 20, 20, 0.5, 6), zero(30, 20);
  for (const index_t r : {4, 18, 20}) {
    follower f(30, 20, r);
    CHECK_FALSE(f.cold(zero));
    CHECK(support::orthogonality_error(f.vectors()) < 5e-6);
    CHECK(f.cold(g));
    const auto kept = f.basis;
    CHECK_FALSE(f.warm(zero));
    CHECK(f.basis == kept);
  }
}

TEST_CASE("subspace: the same bits on any number of threads") {
  const matrix g = support::with_spectrum(150, 90, 40, 0.5, 7);
  for (const index_t r : {4, 30})
    for (const auto side : {projection_side::left, projection_side::right}) {
      std::vector<float> first;
      for (const int count : {1, 4}) {
        threads pool(count);
        follower f(150, 90, r, side);
        f.on = eigen{pool};
        f.cold(g);
        f.warm(g);
        if (count == 1) first = f.basis;
        CHECK(f.basis == first);
      }
    }
}
