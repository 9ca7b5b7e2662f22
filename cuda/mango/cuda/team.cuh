#pragma once
// Threads that hold numbers between them: lanes of one warp, or several warps of a block.
#include "mango/core/types.hpp"

#include "mango/cuda/launch.cuh"

namespace mango::inline MANGO_ABI::cuda {

inline constexpr int warp_size = 32;
/// Threads of a block, in kernels that have no reason for another number; no block has more.
inline constexpr int block_size = 256;
inline constexpr int warps_per_block = block_size / warp_size;

/// `Size` threads in a row that hold one quantisation block (pass/team.hpp has the team of one host thread). A power of
/// two. Of those beyond a warp all members call max() together, whatever other teams do.
template <int Size> struct team_of {
  static_assert(Size >= 1 && Size <= block_size && (Size & (Size - 1)) == 0,
                "mango: on a device, the numbers of a block are held by up to 256 threads, eight each");
  static constexpr int size = Size;

  __device__ __forceinline__ int rank() const { return static_cast<int>(threadIdx.x) % Size; }
  /// The largest x of all members, given to each.
  __device__ __forceinline__ float max(float x) const {
    constexpr int lanes = Size < warp_size ? Size : warp_size;
    const unsigned first = threadIdx.x % warp_size / lanes * lanes;
    const unsigned members = (lanes == 32 ? ~0u : (1u << lanes % 32) - 1) << first;
#pragma unroll
    for (int apart = lanes / 2; apart > 0; apart /= 2) {
      const float other = __shfl_xor_sync(members, x, apart);
      x = other > x ? other : x;
    }
    if constexpr (Size > warp_size) x = max_of_warps(x);
    return x;
  }

 private:
  __device__ __forceinline__ float max_of_warps(float x) const {
    __shared__ float offered[warps_per_block];
    constexpr unsigned warps = Size / warp_size;
    const unsigned warp = threadIdx.x / warp_size, first = warp / warps * warps, barrier = 1 + warp / warps;
    meet<Size>(barrier);  // nobody still looks at the last ones
    if (threadIdx.x % warp_size == 0) offered[warp] = x;
    meet<Size>(barrier);
#pragma unroll
    for (unsigned w = 0; w < warps; ++w) x = offered[first + w] > x ? offered[first + w] : x;
    return x;
  }
};

/// The sum over a warp, given to every lane; the same tree every time.
template <class T> __device__ __forceinline__ T sum_of_warp(T x) {
#pragma unroll
  for (int apart = warp_size / 2; apart > 0; apart /= 2) x += __shfl_xor_sync(~0u, x, apart);
  return x;
}

/// The sum over a block, given to every thread; all threads call it.
__device__ __forceinline__ double sum_of_block(double x) {
  __shared__ double of_warp[warps_per_block];
  x = sum_of_warp(x);
  __syncthreads();
  if (threadIdx.x % warp_size == 0) of_warp[threadIdx.x / warp_size] = x;
  __syncthreads();
  double total = of_warp[0];
  for (unsigned w = 1; w < blockDim.x / warp_size; ++w) total += of_warp[w];
  return total;
}

/// N sums over a warp at once, for N a power of two up to 32: a lane returns sum number lane / (32 / N). A lane sends
/// half of what it has to the one that keeps that half, so that N sums take hardly more shuffles than one.
template <int N> __device__ __forceinline__ float sums_of_warp(float (&x)[N]) {
  const unsigned lane = threadIdx.x % warp_size;
  int apart = warp_size / 2;
#pragma unroll
  for (int n = N; n > 1; n /= 2, apart /= 2) {
    const bool upper = (lane & static_cast<unsigned>(apart)) != 0;
#pragma unroll
    for (int k = 0; k < n / 2; ++k) {
      const float kept = upper ? x[k + n / 2] : x[k], sent = upper ? x[k] : x[k + n / 2];
      x[k] = kept + __shfl_xor_sync(~0u, sent, apart);
    }
  }
#pragma unroll
  for (int left = warp_size / N / 2; left > 0; left /= 2) x[0] += __shfl_xor_sync(~0u, x[0], left);
  return x[0];
}

}  // namespace mango::inline MANGO_ABI::cuda
