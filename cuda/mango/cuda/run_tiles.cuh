#pragma once
// The kernel for block-wise stores: a thread holds eight numbers in a row, and those that hold a quantisation block
// between them are a team.
#include "mango/cuda/job.cuh"
#include "mango/cuda/shared_map.cuh"

namespace mango::inline MANGO_ABI::cuda {

/// Elements of a block of threads; a whole number of quantisation blocks of any size.
inline constexpr index_t tiles_part = 16384;

namespace detail {
/// Numbers of a thread.
inline constexpr int tile_width = 8;

// a slot's eight numbers: of a block-wise store in codes, of any other as they are
template <class S> class tile_slot {
  using memory = typename S::view;
  using form = typename device_form<S>::type;

 public:
  template <bool Partial> __device__ __forceinline__ void load(const memory& v, index_t i, int n, bool) {
    // a team whose block begins past the end has nothing: another slot's blocks are larger
    if (count(n) > 0) return form::load(team{}, in_memory(v), i - first(), count(n), x);
    for (float& each : x) each = 0;
  }
  static __device__ __forceinline__ void prepare() { form::map::fill(); }
  static __device__ __forceinline__ void ahead(const memory& v, index_t i) { prefetch(v.codes + i * S::map::bits / 8); }
  __device__ __forceinline__ float get(int k) const { return x[k]; }
  template <class Noise> __device__ __forceinline__ void set(int k, float value, const Noise&) { x[k] = value; }
  template <bool Partial>
  __device__ __forceinline__ void save(const memory& v, index_t i, int n, bool, const philox_key& key,
                                       std::uint8_t stream) {
    noise<tile_width, S::rounds> bits;
    bits.draw(key, stream, i);
    const std::uint16_t* drawn = nullptr;
    if constexpr (S::rounds) drawn = bits.bits;
    if (count(n) > 0) form::save(team{}, in_memory(v), i - first(), count(n), x, drawn);
  }

 private:
  using team = team_of<S::block / tile_width>;
  static __device__ __forceinline__ int first() { return team{}.rank() * tile_width; }
  static __device__ __forceinline__ typename form::view in_memory(const memory& v) {
    return {in_global(v.codes), in_global(v.scales)};
  }
  // numbers of the whole block, when n are left from this thread's first on
  static __device__ __forceinline__ int count(int n) { return n + first() < S::block ? n + first() : S::block; }
  float x[tile_width];
};
template <class S>
requires(!block_store<S>) class tile_slot<S> {
  using memory = typename S::view;

 public:
  template <bool Partial> __device__ __forceinline__ void load(const memory& v, index_t i, int n, bool wide) {
    x.template load<Partial>(v, i, n, wide);
  }
  static __device__ __forceinline__ void prepare() {}
  static __device__ __forceinline__ void ahead(const memory& v, index_t i) { prefetch_arrays(v, i); }
  __device__ __forceinline__ float get(int k) { return S::load(*x, one{k}); }
  template <class Noise> __device__ __forceinline__ void set(int k, float value, const Noise& bits) {
    S::save(*x, one{k}, value, bits[k]);
  }
  template <bool Partial>
  __device__ __forceinline__ void save(const memory& v, index_t i, int n, bool wide, const philox_key&, std::uint8_t) {
    if constexpr (!mango::detail::is_read_only<S>) x.template save<Partial>(v, i, n, wide);
  }

 private:
  wide_view<tile_width, memory> x;
};

// a block-wise slot draws its random bits when it needs them: they would lie in registers
template <class S> struct drawn_early { static constexpr bool rounds = S::rounds && !block_store<S>; };

template <class Indices, class... S> struct tile_slots;
template <std::size_t... I, class... S>
struct tile_slots<std::index_sequence<I...>, S...> : leaf<I, tile_slot<S>>... {};

template <class List> inline constexpr int largest_block = 0;
template <class... S>
inline constexpr int largest_block<store_list<S...>> = [] {
  int most = tile_width;
  [[maybe_unused]] const auto look = [&]<class Store>() {
    if constexpr (block_store<Store>) most = Store::block > most ? Store::block : most;
  };
  (look.template operator()<S>(), ...);
  return most;
}();

/// Threads of a block: few, since so many more fit beside each other, but a whole team.
template <class List>
inline constexpr int tile_threads = largest_block<List> > 128 * tile_width ? largest_block<List> / tile_width : 128;

template <class P, class List> struct tiles_of;
template <class P, class... S> struct tiles_of<P, store_list<S...>> {
  using job = typename P::job;

  static __device__ __forceinline__ void prepare() {
    (tile_slot<S>::prepare(), ...);
    __syncthreads();
  }

  // Numbers [i, i + tile_width) of this thread, of which `left` > -largest block exist. A thread beyond the end holds
  // its place in the team of a block that begins before it. Of `Whole` blocks all exist, and are aligned; `left` is
  // then how far ahead this thread's next numbers are, 0 if it has none.
  template <bool Whole, std::size_t... I>
  static __device__ __forceinline__ void step(const job& j, const constants<P>& c, index_t i, int left,
                                              observed<P::sums>& seen, std::index_sequence<I...>) {
    constexpr std::size_t total = sizeof...(S);
    const int n = Whole ? largest_block<store_list<S...>> : left;
    const bool wide = Whole || j.wide;
    if (Whole && left > 0) {
      prefetch(j.gradient + i + left);
      if constexpr (P::loads_parameter) prefetch_arrays(j.target, i + left);
      (tile_slot<S>::ahead(leaf_value<I>(j.slots), i + left), ...);
    }
    [[maybe_unused]] tile_slots<std::index_sequence<I...>, S...> s;
    (leaf_of<I>(s).template load<!Whole>(leaf_value<I>(j.slots), i, n, wide), ...);
    typename P::gradient g[tile_width];
    read<tile_width, !Whole>(g, j.gradient + i, n, wide);
    wide_target<P, tile_width> p;
    p.template load<!Whole>(j, i, n, wide);
    noises<tile_width, P, std::index_sequence<I...>, drawn_early<S>...> bits;
    bits.draw(c.key, i);
#pragma unroll
    for (int k = 0; k < tile_width; ++k) {
      float x[total + 1] = {leaf_of<I>(s).get(k)...};
      const float before = p[k];
      const auto u = P::rules::template run<0>(c.frame, to_float(g[k]) * c.scale, before, x);
      (leaf_of<I>(s).set(k, x[I], leaf_of<I>(bits)), ...);
      p.move(k, before, u, bits.own[k]);
      if constexpr (P::sums > 0)
        if (k < n) seen.add(u);
    }
    p.template save<!Whole>(j, i, n, wide);
    (leaf_of<I>(s).template save<!Whole>(leaf_value<I>(j.slots), i, n, wide, c.key, static_cast<std::uint8_t>(I)), ...);
  }
};
}  // namespace detail

/// One part of one job per block. Threads beyond the end of the tensor take part as long as their team's block begins
/// before it.
template <class P>
__global__ void __launch_bounds__(detail::tile_threads<typename P::list>)
    run_tiles(const typename P::job* jobs, const part_of_job* parts, const folded<typename P::chain>* frames,
              std::uint64_t seed) {
  using work = detail::tiles_of<P, typename P::list>;
  const part_of_job here = parts[blockIdx.x];
  const typename P::job j = jobs[here.job];
  if (frames[j.tensor].apply == 0) return;
  work::prepare();
  const auto c = detail::constants_of<P>(j, frames[j.tensor], seed);
  const index_t begin = here.part * tiles_part, left = j.elements - begin;
  const int n = static_cast<int>(left < tiles_part ? left : tiles_part);
  constexpr int block = detail::largest_block<typename P::list>;
  const int last = (n + block - 1) / block * block;
  detail::observed<P::sums> seen;
  constexpr auto each = std::make_index_sequence<slot_count<typename P::rules>>{};
  constexpr int pace = detail::tile_threads<typename P::list> * detail::tile_width;
  const int first = static_cast<int>(threadIdx.x) * detail::tile_width;
  if (n == tiles_part && j.wide)
    for (int at = first; at < tiles_part; at += pace)
      work::template step<true>(j, c, begin + at, at + pace < tiles_part ? pace : 0, seen, each);
  else
    for (int at = first; at < last; at += pace) work::template step<false>(j, c, begin + at, n - at, seen, each);
  seen.save(j.observed + here.part * P::sums);
}

}  // namespace mango::inline MANGO_ABI::cuda
