#pragma once
// Small matrices in double, and gradients of a known spectrum.
#include <cmath>
#include <cstddef>
#include <vector>

#include "mango/backend/threads.hpp"
#include "mango/core/view.hpp"
#include "mango/project/vectors.hpp"
#include "support/eigen_once.hpp"
#include "support/random.hpp"

namespace support {

/// Row-major, in double.
struct matrix {
  std::ptrdiff_t rows = 0, cols = 0;
  std::vector<double> data;

  matrix(std::ptrdiff_t r, std::ptrdiff_t c) : rows(r), cols(c), data(static_cast<std::size_t>(r * c)) {}
  template <class T> matrix(std::ptrdiff_t r, std::ptrdiff_t c, const T* from) : matrix(r, c) {
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<double>(from[i]);
  }
  double& operator()(std::ptrdiff_t i, std::ptrdiff_t j) { return data[static_cast<std::size_t>(i * cols + j)]; }
  double operator()(std::ptrdiff_t i, std::ptrdiff_t j) const { return data[static_cast<std::size_t>(i * cols + j)]; }
  std::vector<float> floats() const { return {data.begin(), data.end()}; }
  double squared_norm() const {
    double sum = 0;
    for (const double x : data) sum += x * x;
    return sum;
  }
};

inline matrix transposed(const matrix& a) {
  matrix t(a.cols, a.rows);
  for (std::ptrdiff_t i = 0; i < a.rows; ++i)
    for (std::ptrdiff_t j = 0; j < a.cols; ++j) t(j, i) = a(i, j);
  return t;
}
inline matrix operator*(const matrix& a, const matrix& b) {
  matrix c(a.rows, b.cols);
  for (std::ptrdiff_t i = 0; i < a.rows; ++i)
    for (std::ptrdiff_t k = 0; k < a.cols; ++k)
      for (std::ptrdiff_t j = 0; j < b.cols; ++j) c(i, j) += a(i, k) * b(k, j);
  return c;
}
inline matrix operator-(matrix a, const matrix& b) {
  for (std::size_t i = 0; i < a.data.size(); ++i) a.data[i] -= b.data[i];
  return a;
}
inline double largest(const matrix& a) {
  double most = 0;
  for (const double x : a.data) most = std::fabs(x) > most ? std::fabs(x) : most;
  return most;
}

/// Vectors as the rows of a matrix, however they lie.
inline matrix rows_of(const mango::vectors_view& v) {
  matrix m(v.count(), v.length());
  for (std::ptrdiff_t k = 0; k < v.count(); ++k)
    for (std::ptrdiff_t i = 0; i < v.length(); ++i) m(k, i) = static_cast<double>(v.at(k, i));
  return m;
}
/// The largest |v_i . v_j - (i == j)|.
inline double orthogonality_error(const mango::vectors_view& v) {
  const matrix m = rows_of(v);
  matrix gram = m * transposed(m);
  for (std::ptrdiff_t i = 0; i < gram.rows; ++i) gram(i, i) -= 1;
  return largest(gram);
}

/// Orthonormal rows, by Gram and Schmidt, twice.
inline matrix orthonormal_rows(std::ptrdiff_t r, std::ptrdiff_t n, std::uint64_t seed) {
  random source(seed);
  matrix q(r, n);
  for (std::ptrdiff_t k = 0; k < r; ++k) {
    for (std::ptrdiff_t i = 0; i < n; ++i) q(k, i) = source.normal();
    for (int round = 0; round < 2; ++round) {
      for (std::ptrdiff_t j = 0; j < k; ++j) {
        double dot = 0;
        for (std::ptrdiff_t i = 0; i < n; ++i) dot += q(k, i) * q(j, i);
        for (std::ptrdiff_t i = 0; i < n; ++i) q(k, i) -= dot * q(j, i);
      }
      double norm = 0;
      for (std::ptrdiff_t i = 0; i < n; ++i) norm += q(k, i) * q(k, i);
      for (std::ptrdiff_t i = 0; i < n; ++i) q(k, i) /= std::sqrt(norm);
    }
  }
  return q;
}
/// U diag(s) V^T with s_i = (i + 1)^-power for the first `rank`, 0 beyond.
inline matrix with_spectrum(std::ptrdiff_t m, std::ptrdiff_t n, std::ptrdiff_t rank, double power, std::uint64_t seed) {
  matrix u = orthonormal_rows(rank, m, seed);
  const matrix v = orthonormal_rows(rank, n, seed + 1);
  for (std::ptrdiff_t k = 0; k < rank; ++k)
    for (std::ptrdiff_t i = 0; i < m; ++i) u(k, i) *= std::pow(static_cast<double>(k + 1), -power);
  return transposed(u) * v;
}

}  // namespace support
