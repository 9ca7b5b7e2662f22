#pragma once
// The read-only pass over gradients: is every one finite, and what is the sum of their squares.
#include "mango/core/finite.hpp"

#include "mango/cuda/job.cuh"

namespace mango::inline MANGO_ABI::cuda {

/// A gradient to be looked at.
struct look_job {
  const void* gradient;
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
}  // namespace detail

/// One part of one gradient per block.
template <bool Norm>
__global__ void __launch_bounds__(block_size)
    look(const look_job* jobs, const part_of_job* parts, part_tally* tallies) {
  const part_of_job here = parts[blockIdx.x];
  const look_job j = jobs[here.job];
  const index_t begin = here.part * look_part, left = j.elements - begin;
  const int n = static_cast<int>(left < look_part ? left : look_part);
  double squares = 0;
  bool bad = false;
  if (j.type == dtype::f32)
    detail::look_at<Norm>(static_cast<const float*>(j.gradient) + begin, n, j.wide, squares, bad);
  else if (j.type == dtype::bf16)
    detail::look_at<Norm>(static_cast<const bfloat16*>(j.gradient) + begin, n, j.wide, squares, bad);
  else detail::look_at<Norm>(static_cast<const float16*>(j.gradient) + begin, n, j.wide, squares, bad);
  const int any = __syncthreads_or(bad);
  if constexpr (Norm) squares = sum_of_block(squares);
  if (threadIdx.x == 0) tallies[blockIdx.x] = {squares, any != 0 ? 1u : 0u};
}

}  // namespace mango::inline MANGO_ABI::cuda
