#pragma once
// What learning rules look at before a tensor is moved: sums in double, part by part, and arrays of every so-many-th
// number.
#include "mango/cuda/look.cuh"

namespace mango::inline MANGO_ABI::cuda {

/// Elements of a block of threads.
inline constexpr index_t observed_part = 16384;

namespace detail {
// what rule R may ask of the numbers [begin, end) of a job; see observing_rule. A thread has every 256th of them
template <class P, class R = void, int Sliced = 0> struct part_in_view {
  const typename P::job& job;
  const typename P::chain::frame& frame;
  float scale;
  index_t begin, end;

  __device__ __forceinline__ index_t first(index_t every) const {
    return (begin + every - 1) / every + static_cast<index_t>(threadIdx.x);
  }
  static __device__ __forceinline__ index_t stride() { return block_size; }
  __device__ __forceinline__ float p(index_t i) const { return job.target.load(one{i}); }
  __device__ __forceinline__ float u(index_t i, float p) const {
    const float g = mango::load(in_global(job.gradient), one{i});
    return mango::detail::before<R>(static_cast<const typename P::chain*>(nullptr), frame, g * scale, p);
  }
  template <class F> __device__ __forceinline__ void each(index_t every, double* to, const F& f) const {
    for (index_t j = first(every); j * every < end; j += stride()) {
      const float x = p(j * every);
      const auto r = f(one{j}, x, u(j * every, x));
      for (int k = 0; k < r.count; ++k) to[k] += static_cast<double>(r.a[k]) * static_cast<double>(r.b[k]);
    }
  }
  __device__ __forceinline__ double squared_norm() const {
    double squares = 0;
    bool bad = false;
    look_at<true>(job.gradient + begin, static_cast<int>(end - begin), job.wide, squares, bad);
    return squares * static_cast<double>(scale) * static_cast<double>(scale);
  }
  __device__ __forceinline__ float* slice(int k) const { return in_global(job.learned.slices[Sliced + k]); }

  template <class Q, int At> __device__ __forceinline__ part_in_view<P, Q, At> as() const {
    return {job, frame, scale, begin, end};
  }
};
}  // namespace detail

/// One part of one job per block, before the last pass; P is that pass.
template <class P>
__global__ void __launch_bounds__(block_size)
    observe_numbers(const typename P::job* jobs, const part_of_job* parts, const folded<typename P::chain>* frames) {
  using chain = typename P::chain;
  constexpr int sums = mango::detail::learning<chain>::sums;
  const part_of_job here = parts[blockIdx.x];
  const typename P::job j = jobs[here.job];
  if (frames[j.tensor].apply == 0) return;
  const typename chain::frame frame = frames[j.tensor].frame;
  const index_t begin = here.part * observed_part, left = j.elements - begin;
  const detail::part_in_view<P> seen{j, frame, frames[j.tensor].scale, begin,
                                     begin + (left < observed_part ? left : observed_part)};
  double found[sums] = {};
  mango::detail::observe(static_cast<const chain*>(nullptr), frame, seen, found);
  for (int k = 0; k < sums; ++k) {
    const double all = sum_of_block(found[k]);
    if (threadIdx.x == 0) j.learned.sums[here.part * sums + k] = all;
  }
}

}  // namespace mango::inline MANGO_ABI::cuda
