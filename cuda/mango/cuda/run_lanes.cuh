#pragma once
// The kernel for element-wise stores: every thread moves 16 bytes of every array at a time.
#include "mango/cuda/job.cuh"

namespace mango::inline MANGO_ABI::cuda {

/// Elements of a block of threads.
inline constexpr index_t lanes_part = 8192;

namespace detail {
template <int V, class Indices, class... S> struct wide_slots;
template <int V, std::size_t... I, class... S>
struct wide_slots<V, std::index_sequence<I...>, S...> : leaf<I, wide_view<V, typename S::view>>... {};

template <class P, class List> struct lanes_of;
template <class P, class... S> struct lanes_of<P, store_list<S...>> {
  using job = typename P::job;
  // eight numbers where some array has two bytes for each
  static constexpr int width = sizeof(typename P::gradient) == 2 || (!std::is_same_v<S, fp32> || ...) ? 8 : 4;

  // numbers [i, i + width) of this thread, of which `left` exist: all, and aligned, if `Whole`
  template <bool Whole, std::size_t... I>
  static __device__ __forceinline__ void step(const job& j, const constants<P>& c, index_t i, int left,
                                              observed<P::sums>& seen, std::index_sequence<I...>) {
    constexpr std::size_t total = sizeof...(S);
    const int count = Whole ? width : left;
    const bool wide = Whole || j.wide;
    typename P::gradient g[width];
    read<width, !Whole>(g, j.gradient + i, count, wide);
    [[maybe_unused]] wide_slots<width, std::index_sequence<I...>, S...> s;
    (leaf_of<I>(s).template load<!Whole>(leaf_value<I>(j.slots), i, count, wide), ...);
    wide_target<P, width> p;
    p.template load<!Whole>(j, i, count, wide);
    noises<width, P, std::index_sequence<I...>, S...> bits;
    bits.draw(c.key, i);
#pragma unroll
    for (int k = 0; k < width; ++k) {
      float x[total + 1] = {S::load(*leaf_of<I>(s), one{k})...};
      const float before = p[k];
      const auto u = P::rules::template run<0>(c.frame, to_float(g[k]) * c.scale, before, x);
      (S::save(*leaf_of<I>(s), one{k}, x[I], leaf_of<I>(bits)[k]), ...);
      p.move(k, before, u, bits.own[k]);
      if constexpr (P::sums > 0)
        if (k < count) seen.add(u);
    }
    (put<!Whole, I, S>(j, leaf_of<I>(s), i, count, wide), ...);
    p.template save<!Whole>(j, i, count, wide);
  }

 private:
  template <bool Partial, std::size_t I, class Store, class Wide>
  static __device__ __forceinline__ void put(const job& j, Wide& s, index_t i, int count, bool wide) {
    if constexpr (!mango::detail::is_read_only<Store>) s.template save<Partial>(leaf_value<I>(j.slots), i, count, wide);
  }
};
}  // namespace detail

/// One part of one job per block.
template <class P>
__global__ void __launch_bounds__(block_size, 1)
    run_lanes(const typename P::job* jobs, const part_of_job* parts, const folded<typename P::chain>* frames,
              std::uint64_t seed) {
  using work = detail::lanes_of<P, typename P::list>;
  const part_of_job here = parts[blockIdx.x];
  const typename P::job j = jobs[here.job];
  if (frames[j.tensor].apply == 0) return;
  const auto c = detail::constants_of<P>(j, frames[j.tensor], seed);
  const index_t begin = here.part * lanes_part, left = j.elements - begin;
  const int n = static_cast<int>(left < lanes_part ? left : lanes_part);
  detail::observed<P::sums> seen;
  constexpr auto each = std::make_index_sequence<slot_count<typename P::rules>>{};
  const int first = static_cast<int>(threadIdx.x) * work::width;
  if (n == lanes_part && j.wide)
    for (int at = first; at < lanes_part; at += block_size * work::width)
      work::template step<true>(j, c, begin + at, work::width, seen, each);
  else
    for (int at = first; at < n; at += block_size * work::width)
      work::template step<false>(j, c, begin + at, n - at, seen, each);
  seen.save(j.observed + here.part * P::sums);
}

}  // namespace mango::inline MANGO_ABI::cuda
