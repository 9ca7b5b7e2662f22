// Products, factors, sums and selections on the device, against loops in double precision.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "mango/core/round.hpp"
#include "mango/cuda/linalg.cuh"
#include "mango/cuda/selection.cuh"
#include "mango/cuda/thrust.hpp"
#include "support/random.hpp"

#include "cuda/support/device_memory.cuh"

namespace {

using mango::index_t, mango::matrix_view, mango::bfloat16;
using support::device_memory;

struct library {
  cublasHandle_t handle = nullptr;
  library() { mango::cuda::check(cublasCreate(&handle), "making a cuBLAS handle"); }
  ~library() { cublasDestroy(handle); }
};

double at(const std::vector<float>& x, index_t ld, index_t i, index_t j, bool transposed) {
  return static_cast<double>(transposed ? x[static_cast<std::size_t>(j * ld + i)]
                                        : x[static_cast<std::size_t>(i * ld + j)]);
}

template <class T> void check_gemm(index_t m, index_t n, index_t k, bool ta, bool tb, double tolerance) {
  const library cublas;
  const mango::cuda::linalg on(nullptr, cublas.handle);
  const index_t lda = (ta ? m : k) + 3, ldb = (tb ? k : n) + 1, ldc = n + 2;
  auto a = support::normals(static_cast<std::size_t>((ta ? k : m) * lda), 1);
  auto b = support::normals(static_cast<std::size_t>((tb ? n : k) * ldb), 2);
  const auto c = support::normals(static_cast<std::size_t>(m * ldc), 3);
  std::vector<T> ta_values, tb_values;
  for (float& x : a) {
    if constexpr (sizeof(T) == 2)
      x = mango::to_float(mango::round_nearest(x)), ta_values.push_back(mango::round_nearest(x));
    else ta_values.push_back(x);
  }
  for (float& x : b) {
    if constexpr (sizeof(T) == 2)
      x = mango::to_float(mango::round_nearest(x)), tb_values.push_back(mango::round_nearest(x));
    else tb_values.push_back(x);
  }
  device_memory<T> A(ta_values), B(tb_values);
  device_memory<float> C(c);
  on.gemm(0.5f, matrix_view<const T>{A.data(), ta ? k : m, ta ? m : k, lda}, ta,
          matrix_view<const T>{B.data(), tb ? n : k, tb ? k : n, ldb}, tb, 2.0f,
          matrix_view<float>{C.data(), m, n, ldc});
  const auto got = C.host();
  double worst = 0;
  for (index_t i = 0; i < m; ++i)
    for (index_t j = 0; j < n; ++j) {
      double sum = 0;
      for (index_t l = 0; l < k; ++l) sum += at(a, lda, i, l, ta) * at(b, ldb, l, j, tb);
      worst = std::max(worst, std::abs(0.5 * sum + 2 * at(c, ldc, i, j, false) - at(got, ldc, i, j, false)));
    }
  CHECK(worst < tolerance);
}

}  // namespace

TEST_CASE("cuda: products of matrices") {
  for (const bool ta : {false, true})
    for (const bool tb : {false, true}) {
      check_gemm<float>(33, 47, 65, ta, tb, 1e-4);
      check_gemm<bfloat16>(40, 24, 64, ta, tb, 1e-3);
    }
  check_gemm<float>(1, 1, 1, false, false, 1e-6);
  check_gemm<float>(0, 5, 3, false, false, 1e-6);
}

TEST_CASE("cuda: a Cholesky factor, and what is solved with it") {
  const library cublas;
  const mango::cuda::linalg on(nullptr, cublas.handle);
  for (const index_t n : {1, 2, 17, 128}) {
    const auto x = support::normals(static_cast<std::size_t>(n * 2 * n), 7);
    std::vector<float> a(static_cast<std::size_t>(n * n));
    for (index_t i = 0; i < n; ++i)
      for (index_t j = 0; j < n; ++j) {
        double sum = i == j ? 1 : 0;
        for (index_t k = 0; k < 2 * n; ++k) sum += at(x, 2 * n, i, k, false) * at(x, 2 * n, j, k, false);
        a[static_cast<std::size_t>(i * n + j)] = static_cast<float>(sum);
      }
    device_memory<float> A(a);
    REQUIRE(on.cholesky({A.data(), n, n, n}));
    const auto r = A.host();
    double worst = 0, largest = 0;
    for (index_t i = 0; i < n; ++i)
      for (index_t j = 0; j < n; ++j) {
        double sum = 0;
        for (index_t k = 0; k <= std::min(i, j); ++k) sum += at(r, n, k, i, false) * at(r, n, k, j, false);
        largest = std::max(largest, std::abs(at(a, n, i, j, false)));
        worst = std::max(worst, std::abs(sum - at(a, n, i, j, false)));
        if (j < i) CHECK(at(r, n, i, j, false) == 0);
      }
    CHECK(worst < 1e-5 * largest);
    const auto b = support::normals(static_cast<std::size_t>(5 * n), 9);
    device_memory<float> X(b);
    on.solve_upper_right({A.data(), n, n, n}, {X.data(), 5, n, n});
    const auto s = X.host();
    for (index_t i = 0; i < 5; ++i)
      for (index_t j = 0; j < n; ++j) {
        double sum = 0;
        for (index_t k = 0; k <= j; ++k) sum += at(s, n, i, k, false) * at(r, n, k, j, false);
        CHECK(std::abs(sum - at(b, n, i, j, false)) < 1e-3);
      }
  }
  device_memory<float> indefinite(std::vector<float>{1, 2, 2, 1});
  CHECK(!on.cholesky({indefinite.data(), 2, 2, 2}));
}

TEST_CASE("cuda: sums and selections are the same every time") {
  const std::size_t n = 100'003;
  auto x = support::spread(n, 5);
  x[77] = x[99'999] = -3e30f;  // equal: the first comes first
  thrust::device_vector<float> on_device(x);
  const auto span = mango::cuda::as_span(on_device);
  mango::cuda::selection select{mango::cuda::device{}};
  double wanted = 0;
  for (const float v : x) wanted += static_cast<double>(v) * static_cast<double>(v);
  const double first = select.squared_norm(span);
  CHECK(first == doctest::Approx(wanted).epsilon(1e-12));
  std::vector<std::uint32_t> order(n);
  for (std::size_t i = 0; i < n; ++i) order[i] = static_cast<std::uint32_t>(i);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return std::abs(x[a]) > std::abs(x[b]); });
  device_memory<std::uint32_t> places(n);
  for (int run = 0; run < 10; ++run) {
    CHECK(select.squared_norm(span) == first);
    select.largest(span, places.span());
    CHECK(places.host() == order);
  }
}
