// project/products.hpp: the three products and the square against plain loops in double, for every type of gradient
#include "mango/project/products.hpp"

#include <doctest/doctest.h>

#include "mango/backend/eigen.hpp"
#include "project/matrices.hpp"

namespace mango::inline MANGO_ABI {
template void eigen::gemm<float>(float, matrix_view<const float>, bool, matrix_view<const float>, bool, float,
                                 matrix_view<float>) const;
template void eigen::gemm<double>(double, matrix_view<const double>, bool, matrix_view<const double>, bool, double,
                                  matrix_view<double>) const;
}  // namespace mango

using namespace mango;
using support::matrix;

namespace {

constexpr struct {
  index_t m, n, r;
} sizes[] = {{1, 1, 1},      {1, 9, 1},     {7, 1, 1},    {5, 17, 3},    {64, 64, 4},   {65, 129, 8},
             {33, 1031, 13}, {131, 70, 16}, {97, 83, 17}, {600, 31, 20}, {40, 1100, 33}};

template <class E> std::vector<E> narrow(const std::vector<float>& x) {
  std::vector<E> out;
  for (const float f : x) {
    if constexpr (std::same_as<E, float>) out.push_back(f);
    else out.push_back(E{static_cast<std::uint16_t>(round_nearest_bits<E>(to_bits(f)))});
  }
  return out;
}
matrix wide(const auto& x, index_t rows, index_t cols) {
  std::vector<float> f;
  for (const auto e : x) f.push_back(to_float(e));
  return {rows, cols, f.data()};
}
double bound(index_t terms) { return 4e-7 * std::sqrt(static_cast<double>(terms)) * 20; }

template <class E> void check_products(index_t m, index_t n, index_t r) {
  CAPTURE(m);
  CAPTURE(n);
  CAPTURE(r);
  const auto g = narrow<E>(support::normals(static_cast<std::size_t>(m * n), 1));
  const auto b = support::normals(static_cast<std::size_t>(r * n), 2),
             c = support::normals(static_cast<std::size_t>(m * r), 3);
  const matrix G = wide(g, m, n), B(r, n, b.data()), C(m, r, c.data());
  const matrix_view<const E> gv{g.data(), m, n, n};
  threads pool(3);
  for (const bool parallel : {false, true}) {
    const eigen on = parallel ? eigen{pool} : eigen{};
    std::vector<float> to_c(static_cast<std::size_t>(m * r), 7), to_b(static_cast<std::size_t>(r * n), 7);
    dots(on, gv, matrix_view<const float>{b.data(), r, n, n}, matrix_view<float>{to_c.data(), m, r, r});
    CHECK(largest(matrix(m, r, to_c.data()) - G * transposed(B)) < bound(n));
    combine(on, gv, matrix_view<const float>{c.data(), m, r, r}, matrix_view<float>{to_b.data(), r, n, n});
    CHECK(largest(matrix(r, n, to_b.data()) - transposed(C) * G) < bound(m));
    if (r > thin_rank) continue;
    std::vector<float> parts(static_cast<std::size_t>(thin_pieces * r * n), 7);
    thin_square(on, gv, matrix_view<const float>{b.data(), r, n, n}, matrix_view<float>{to_c.data(), m, r, r},
                matrix_view<float>{to_b.data(), r, n, n}, parts.data());
    CHECK(largest(matrix(m, r, to_c.data()) - G * transposed(B)) < bound(n));
    CHECK(largest(matrix(r, n, to_b.data()) - B * (transposed(G) * G)) < bound(m) * bound(n) * 1e7);
  }
}

}  // namespace

TEST_CASE("projection: products with a gradient, in any type, at every edge of a block") {
  for (const auto& s : sizes) {
    check_products<float>(s.m, s.n, s.r);
    check_products<bfloat16>(s.m, s.n, s.r);
    check_products<float16>(s.m, s.n, s.r);
  }
}

TEST_CASE("projection: products are the same bits on any number of threads") {
  for (const index_t r : {3, 40}) {
    const index_t m = 700, n = 1300;
    const auto g = support::normals(static_cast<std::size_t>(m * n), 4),
               b = support::normals(static_cast<std::size_t>(r * n), 5);
    std::vector<float> first_c, first_b;
    for (const int count : {1, 2, 5}) {
      threads pool(count);
      const eigen on{pool};
      std::vector<float> c(static_cast<std::size_t>(m * r)), d(static_cast<std::size_t>(r * n));
      dots(on, matrix_view<const float>{g.data(), m, n, n}, matrix_view<const float>{b.data(), r, n, n},
           matrix_view<float>{c.data(), m, r, r});
      combine(on, matrix_view<const float>{g.data(), m, n, n}, matrix_view<const float>{c.data(), m, r, r},
              matrix_view<float>{d.data(), r, n, n});
      if (count == 1) first_c = c, first_b = d;
      CHECK(c == first_c);
      CHECK(d == first_b);
    }
  }
}
