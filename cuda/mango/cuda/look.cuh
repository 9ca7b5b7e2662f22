#pragma once
// The read-only pass over gradients: is every one finite, and what is the sum of their squares.
#include "mango/core/finite.hpp"

#include "mango/cuda/job.cuh"

namespace mango::inline MANGO_ABI::cuda {

/// An array to be looked at: a gradient, or a parameter.
struct look_job {
  const void* array;
  index_t elements;
  dtype type;
  bool wide;
};

/// What one part of a gradient amounts to.
struct part_tally {
  double squared_norm;
  std::uint32_t nonfinite;
};

/// Elements of a block of threads.
inline constexpr index_t look_part = 16384;

namespace detail {
__device__ __forceinline__ std::uint32_t pattern_of(float x) { return __float_as_uint(x); }
__device__ __forceinline__ std::uint32_t pattern_of(half auto x) {
  return widen_bits<decltype(x)>(std::uint32_t{x.bits});
}

// squares in double: no finite gradient is too large or too small
template <bool Norm, class G>
__device__ __forceinline__ void look_at(const G* g, int n, bool wide, double& squares, bool& bad) {
  constexpr int width = 16 / static_cast<int>(sizeof(G));
  for (int at = static_cast<int>(threadIdx.x) * width; at < n; at += block_size * width) {
    G x[width];
    read<width, true>(x, g + at, n - at, wide);
#pragma unroll
    for (int k = 0; k < width; ++k) {
      bad = bad || (pattern_of(x[k]) & exponent_bits) == exponent_bits;
      if constexpr (Norm) {
        const auto value = static_cast<double>(to_float(x[k]));
        squares += value * value;
      }
    }
  }
}

// part number `part` of an array
template <bool Norm>
__device__ __forceinline__ void look_at_part(const look_job& j, index_t part, double& squares, bool& bad) {
  const index_t begin = part * look_part, left = j.elements - begin;
  const int n = static_cast<int>(left < look_part ? left : look_part);
  if (j.type == dtype::f32) look_at<Norm>(static_cast<const float*>(j.array) + begin, n, j.wide, squares, bad);
  else if (j.type == dtype::bf16) look_at<Norm>(static_cast<const bfloat16*>(j.array) + begin, n, j.wide, squares, bad);
  else look_at<Norm>(static_cast<const float16*>(j.array) + begin, n, j.wide, squares, bad);
}
}  // namespace detail

/// One part of one gradient per block.
template <bool Norm>
__global__ void __launch_bounds__(block_size)
    look(const look_job* jobs, const part_of_job* parts, part_tally* tallies) {
  const part_of_job here = parts[blockIdx.x];
  double squares = 0;
  bool bad = false;
  detail::look_at_part<Norm>(jobs[here.job], here.part, squares, bad);
  const int any = __syncthreads_or(bad);
  if constexpr (Norm) squares = sum_of_block(squares);
  if (threadIdx.x == 0) tallies[blockIdx.x] = {squares, any != 0 ? 1u : 0u};
}

/// One part of one array per block: `found` becomes 1 when there is a number that is not finite.
template <class Found> __global__ void __launch_bounds__(block_size) find_nonfinite(const look_job j, Found* found) {
  double squares = 0;
  bool bad = false;
  detail::look_at_part<false>(j, blockIdx.x, squares, bad);
  if (__syncthreads_or(bad) != 0 && threadIdx.x == 0) *found = 1;
}

}  // namespace mango::inline MANGO_ABI::cuda
