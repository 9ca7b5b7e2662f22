#pragma once
// The host with dense linear algebra from Eigen: the default backend of everything that multiplies matrices, and,
// beside nn/, the only place that includes Eigen.
#include <Eigen/Core>

#include "mango/backend/host.hpp"

namespace mango::inline MANGO_ABI {

/// host + gemm, cholesky, trsm on Eigen. Eigen's own threads stay off: its products are not bit-stable across thread
/// counts, and this library cuts its work by tensor and by chunk.
class eigen : public host {
 public:
  using host::host;
  eigen(const host& where) : host(where) {}

  /// C <- alpha op(A) op(B) + beta C, op(X) = X or X^T.
  template <class T>
  __attribute__((noinline)) void gemm(T alpha, matrix_view<const T> a, bool transpose_a, matrix_view<const T> b,
                                      bool transpose_b, T beta, matrix_view<T> c) const {
    const auto A = map(a), B = map(b);
    auto C = map(c);
    if (beta == T(0)) C.setZero();
    else if (beta != T(1)) C *= beta;
    if (transpose_a && transpose_b) C.noalias() += alpha * A.transpose() * B.transpose();
    else if (transpose_a) C.noalias() += alpha * A.transpose() * B;
    else if (transpose_b) C.noalias() += alpha * A * B.transpose();
    else C.noalias() += alpha * A * B;
  }

  /// A <- R upper triangular with R^T R = A, in place; only the upper triangle of A is read, the lower becomes zero.
  /// False, with A partly overwritten, when a pivot is not positive: A is not positive definite.
  template <class T> bool cholesky(matrix_view<T> a) const {
    auto A = map(a);
    for (index_t k = 0; k < a.rows; ++k) {
      const T pivot = A(k, k);
      if (!(pivot > T(0))) return false;
      A.row(k).tail(a.rows - k) /= Eigen::numext::sqrt(pivot);
      for (index_t i = k + 1; i < a.rows; ++i) A.row(i).tail(a.rows - i) -= A(k, i) * A.row(k).tail(a.rows - i);
    }
    A.template triangularView<Eigen::StrictlyLower>().setZero();
    return true;
  }

  /// X <- X R^-1, R upper triangular with a nonzero diagonal, in place.
  template <class T> void solve_upper_right(matrix_view<const T> r, matrix_view<T> x) const {
    const auto R = map(r);
    auto X = map(x);
    for (index_t j = 0; j < x.cols; ++j) {
      if (j > 0) X.col(j).noalias() -= X.leftCols(j) * R.col(j).head(j);
      X.col(j) /= R(j, j);
    }
  }

  /// A symmetric A <- its eigenvectors, in columns, from the smallest eigenvalue to the largest; values <- these.
  /// Finite numbers only. Defined in backend/eigen_decompositions.hpp.
  template <class T> void eigenvectors(matrix_view<T> a, T* values) const;

 private:
  template <class T> static auto map(matrix_view<T> m) {
    using dense = Eigen::Matrix<std::remove_const_t<T>, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    using held = std::conditional_t<std::is_const_v<T>, const dense, dense>;
    return Eigen::Map<held, 0, Eigen::OuterStride<>>(m.data, m.rows, m.cols, Eigen::OuterStride<>(m.ld));
  }
};

static_assert(elementwise_backend<eigen> && linalg_backend<eigen>);

}  // namespace mango
