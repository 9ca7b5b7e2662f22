#pragma once
// What learning rules remember: taken in after a tensor has moved, and shared by the tensors of a pool before the next
// step.
#include "mango/cuda/finish.cuh"

namespace mango::inline MANGO_ABI::cuda {

/// All tensors, in order of registration: what they remember, which pools they are in, and room for what pools gather.
struct pooled_tensors {
  double* const* memories;
  const std::uint32_t *groups, *same_shape;
  double* room;
  index_t tensors, places;
};

namespace detail {
// Tensors of a pool are gathered by one thread, in order, so that sums are always the same and the host's; threads
// take the pools in turn. What tensors remember is brought by all threads, some tensors at a time.
template <class Chain, class R, int Memory> struct pool_of {
  using memory = typename R::memory;
  using pooled = typename R::pooled;
  static constexpr int size = static_cast<int>(sizeof(pooled) / sizeof(double));
  static constexpr int kept = static_cast<int>(sizeof(memory) / sizeof(double));

  const pooled_tensors& all;
  const Chain* rules;
  pool by;

  __device__ __forceinline__ index_t place(index_t i) const {
    return static_cast<index_t>(
        mango::detail::place_in(by, static_cast<std::size_t>(i), all.groups[i], all.same_shape[i]));
  }
  __device__ __forceinline__ const R& rule(index_t i) const { return mango::rule_of<R>(rules[all.groups[i]]); }

  __device__ __forceinline__ void gather() const {
    __shared__ double brought[block_size * kept];
    __shared__ index_t places[block_size];
    for (index_t i = threadIdx.x; i < all.places * size; i += block_size) all.room[i] = 0;
    for (index_t begin = 0; begin < all.tensors; begin += block_size) {
      const index_t i = begin + threadIdx.x, left = all.tensors - begin;
      __syncthreads();  // nobody still looks at the last ones
      if (i < all.tensors) {
        places[threadIdx.x] = place(i);
        for (int k = 0; k < kept; ++k) brought[static_cast<int>(threadIdx.x) * kept + k] = all.memories[i][Memory + k];
      }
      __syncthreads();
      gather(begin, static_cast<int>(left < block_size ? left : block_size), brought, places);
    }
    __syncthreads();
  }
  __device__ __forceinline__ void share() const {
    for (index_t i = threadIdx.x; i < all.tensors; i += block_size) {
      const auto of_pool = mango::detail::read_memory<pooled>(all.room + place(i) * size);
      auto m = mango::detail::read_memory<memory>(all.memories[i] + Memory);
      rule(i).share(m, of_pool);
      mango::detail::write_memory(all.memories[i] + Memory, m);
    }
    __syncthreads();
  }

 private:
  __device__ __forceinline__ void gather(index_t begin, int count, const double* brought, const index_t* places) const {
    index_t at = -1;
    pooled of_pool{};
    const auto put = [&] {
      if (at >= 0) mango::detail::write_memory(all.room + at * size, of_pool);
    };
    for (int k = 0; k < count; ++k) {
      if (places[k] % block_size != static_cast<index_t>(threadIdx.x)) continue;
      if (places[k] != at) {
        put();
        at = places[k];
        of_pool = mango::detail::read_memory<pooled>(all.room + at * size);
      }
      rule(begin + k).gather(of_pool, mango::detail::read_memory<memory>(brought + k * kept));
    }
    put();
  }
};

template <class Chain> struct sharing {
  const pooled_tensors& all;
  const Chain* rules;
  template <class R, int Memory, int, int> __device__ __forceinline__ void operator()(const R& first) const {
    if constexpr (pooling_rule<R>) {
      const pool_of<Chain, R, Memory> one{all, rules, first.pooled_by()};
      one.gather();
      one.share();
    }
  }
};
}  // namespace detail

/// One block: between two steps, tensors of a pool learn from each other.
template <class Chain>
__global__ void __launch_bounds__(block_size) share_learned(const pooled_tensors all, const Chain* rules) {
  mango::detail::each_learning(rules[0], detail::sharing<Chain>{all, rules});
}

/// One tensor per block, after it has moved: its rules take in what was observed, if anything was.
template <class Chain>
__global__ void __launch_bounds__(block_size)
    learn_from(const settle_job* jobs, bool observed, const Chain* rules, const std::uint32_t* groups,
               double* const* memories, const folded<Chain>* frames) {
  constexpr int sums = mango::detail::learning<Chain>::sums;
  const settle_job j = jobs[blockIdx.x];
  if (frames[j.tensor].apply == 0 || j.elements == 0) return;
  double total[sums + 1] = {};
  if (observed) detail::total_of<sums>(j, total);
  if (threadIdx.x != 0) return;
  mango::detail::learn(rules[groups[j.tensor]], frames[j.tensor].info, memories[j.tensor], total);
}

}  // namespace mango::inline MANGO_ABI::cuda
