#pragma once
// What takes Eigen ten seconds to compile, once for all tests: in project/products_test.cpp and subspace_test.cpp.
#include "mango/backend/eigen_decompositions.hpp"

namespace mango::inline MANGO_ABI {

extern template void eigen::gemm<float>(float, matrix_view<const float>, bool, matrix_view<const float>, bool, float,
                                        matrix_view<float>) const;
extern template void eigen::gemm<double>(double, matrix_view<const double>, bool, matrix_view<const double>, bool,
                                         double, matrix_view<double>) const;
extern template void eigen::eigenvectors<double>(matrix_view<double>, double*) const;

}  // namespace mango
