#pragma once
// Eigen's decompositions, which take a while to compile: for those who project gradients, and nobody else.
#include <Eigen/Eigenvalues>

#include "mango/backend/eigen.hpp"

namespace mango::inline MANGO_ABI {

template <class T> __attribute__((noinline)) void eigen::eigenvectors(matrix_view<T> a, T* values) const {
  auto A = map(a);
  using square = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
  const Eigen::SelfAdjointEigenSolver<square> found(square(A), Eigen::ComputeEigenvectors);
  A = found.eigenvectors();
  for (index_t i = 0; i < a.rows; ++i) values[i] = found.eigenvalues()[i];
}

}  // namespace mango
