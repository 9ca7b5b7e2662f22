#pragma once
// Products and small factors on the device: cuBLAS, and a Cholesky factor of our own.
#include <cublas_v2.h>

#include "mango/backend/backend.hpp"
#include "mango/core/math.hpp"

#include "mango/cuda/device_state.hpp"
#include "mango/cuda/team.cuh"

namespace mango::inline MANGO_ABI::cuda {

/// Raises errc::device for a cuBLAS status other than success.
inline void check(cublasStatus_t status, std::string_view doing) {
  if (status != CUBLAS_STATUS_SUCCESS)
    raise(error(errc::device, concat({doing, ": ", cublasGetStatusString(status)}), doing, CUBLAS_STATUS_SUCCESS,
                status));
}

/// A <- R upper triangular with R^T R = A, in place, by one block; the lower triangle becomes zero. *failed <- 1 when a
/// pivot is not positive.
template <class T> __global__ void __launch_bounds__(block_size) factorise(matrix_view<T> a, int* failed) {
  const auto n = a.rows;
  const index_t me = threadIdx.x;
  for (index_t k = 0; k < n; ++k) {
    T* const row = a.data + k * a.ld;
    const T pivot = row[k];
    if (!(pivot > 0)) {
      if (me == 0) *failed = 1;
      return;
    }
    __syncthreads();  // all have read the pivot
    const T root = math::sqrt(pivot);
    for (index_t j = k + me; j < n; j += block_size) row[j] /= root;
    __syncthreads();
    const index_t left = n - k - 1;
    for (index_t e = me; e < left * left; e += block_size) {
      const index_t i = k + 1 + e / left, j = k + 1 + e % left;
      if (j >= i) a.data[i * a.ld + j] -= row[i] * row[j];
    }
    __syncthreads();
  }
  for (index_t e = me; e < n * n; e += block_size)
    if (e % n < e / n) a.data[e / n * a.ld + e % n] = 0;
}

/// A device with dense linear algebra on the caller's cuBLAS handle, whose stream becomes that of the device. Matrices
/// are row-major views of device memory. float is multiplied as float; bfloat16 with sums in float.
class linalg : public device {
 public:
  linalg(cudaStream_t stream, cublasHandle_t handle) : device(stream), handle_(handle), failed_(allocate(sizeof(int))) {
    check(cublasSetStream(handle, stream), "giving cuBLAS the stream");
  }

  /// C <- alpha op(A) op(B) + beta C, op(X) = X or X^T; A and B are both float or both bfloat16.
  template <class T>
  void gemm(float alpha, matrix_view<const T> a, bool transpose_a, matrix_view<const T> b, bool transpose_b, float beta,
            matrix_view<float> c) const {
    static_assert(std::same_as<T, float> || std::same_as<T, bfloat16>, "mango: products of float or bfloat16");
    if (c.rows == 0 || c.cols == 0) return;
    constexpr auto type = std::same_as<T, float> ? CUDA_R_32F : CUDA_R_16BF;
    const index_t inner = transpose_a ? a.rows : a.cols;
    const auto of = [](bool transpose) { return transpose ? CUBLAS_OP_T : CUBLAS_OP_N; };
    // cuBLAS has columns where we have rows: it computes C^T = op(B)^T op(A)^T
    check(cublasGemmEx(handle_, of(transpose_b), of(transpose_a), size(c.cols), size(c.rows), size(inner), &alpha,
                       b.data, type, size(b.ld), a.data, type, size(a.ld), &beta, c.data, CUDA_R_32F, size(c.ld),
                       CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
          "multiplying matrices");
  }

  /// A <- R upper triangular with R^T R = A, in place; only the upper triangle of A is read, the lower becomes zero.
  /// False, with A partly overwritten, when A is not positive definite. Waits for the stream.
  bool cholesky(matrix_view<float> a) const {
    auto* const failed = reinterpret_cast<int*>(failed_.data());
    check(cudaMemsetAsync(failed, 0, sizeof(int), stream()), "clearing a flag");
    launch("a Cholesky factor", &factorise<float>, 1, block_size, stream(), a, failed);
    return read(failed, *this) == 0;
  }

  /// X <- X R^-1, R upper triangular with a nonzero diagonal, in place.
  void solve_upper_right(matrix_view<const float> r, matrix_view<float> x) const {
    if (x.rows == 0 || x.cols == 0) return;
    const float one = 1;
    check(cublasStrsm(handle_, CUBLAS_SIDE_LEFT, CUBLAS_FILL_MODE_LOWER, CUBLAS_OP_N, CUBLAS_DIAG_NON_UNIT,
                      size(x.cols), size(x.rows), &one, r.data, size(r.ld), x.data, size(x.ld)),
          "solving with a triangle");
  }

 private:
  static int size(index_t n) {
    if (n > 0x7fffffff)
      raise(errc::size, "a matrix of {got} rows or columns; cuBLAS counts to {expected}", 0x7fffffff, n);
    return static_cast<int>(n);
  }

  cublasHandle_t handle_;
  buffer failed_;
};

}  // namespace mango::inline MANGO_ABI::cuda
