#pragma once
// The kernel for factored stores: a warp walks down a tile of columns, four rows at a time, decodes slots from their
// row and column, and adds up rows and columns for the next step. One pass, as many bytes as SGD.
#include "mango/pass/observe.hpp"

#include "mango/cuda/panel_slot.cuh"

namespace mango::inline MANGO_ABI::cuda {

namespace detail {
template <int V, int R, class Indices, class... S> struct panel_slots;
template <int V, int R, std::size_t... I, class... S>
struct panel_slots<V, R, std::index_sequence<I...>, S...> : leaf<I, panel_slot<S, V, R>>... {};

template <class P, int V, class List> struct panels_of;
template <class P, int V, class... S> struct panels_of<P, V, store_list<S...>> {
  using job = typename P::job;
  using gradient = typename P::gradient;
  using parameter = std::remove_cvref_t<decltype(*first_array(std::declval<typename P::target>()))>;
  static constexpr int rows = panel_rows<P, store_list<S...>>, width = V;
  static __device__ __forceinline__ const parameter* parameter_of(const job& j) { return first_array(j.target); }
  using slots = panel_slots<V, rows, std::index_sequence_for<S...>, S...>;
  static constexpr std::size_t total = sizeof...(S);
  static constexpr int summed = (0 + ... + (panel_slot<S, V, rows>::is_summed ? 1 : 0));
  // all rows of every summed slot, and a power of two
  static constexpr int sums = [] {
    int n = rows;
    while (n < rows * summed) n *= 2;
    return n;
  }();

  // how many summed slots come before slot I
  template <std::size_t I>
  static constexpr int place = [] {
    constexpr bool each[] = {panel_slot<S, V, rows>::is_summed..., false};
    int before = 0;
    for (std::size_t i = 0; i != I; ++i) before += each[i] ? 1 : 0;
    return before;
  }();

  template <std::size_t I, class Slot>
  static __device__ __forceinline__ void put_columns(const Slot& s, const job& j, index_t tile, index_t column,
                                                     int inside) {
    if constexpr (Slot::is_summed)
      s.save_columns(j.partial + place<I> * j.cut.partial_floats() + j.cut.strips * j.cut.rows + tile * j.cut.columns,
                     column, inside);
  }

  // Some rows of a tile: `column` is this lane's first, and `inside` of its columns, all or none, are in the matrix. A
  // row that is not `Whole` may have fewer.
  template <int Rows, bool Whole, std::size_t... I>
  static __device__ __forceinline__ void step(const job& j, const constants<P>& c, slots& s, index_t row,
                                              index_t column, int inside, float (&row_sums)[sums],
                                              observed<P::sums>& seen, std::index_sequence<I...>) {
    typename P::gradient g[Rows][V];
    wide_target<P, V> p[Rows];
    index_t at[Rows];
    const int left = static_cast<int>(j.cut.width_of(row) - column);
    const int count = Whole || left >= inside ? inside : left > 0 ? left : 0;
#pragma unroll
    for (int r = 0; r < Rows; ++r) {
      at[r] = (row + r) * j.cut.columns + column;
      read<V, !Whole>(g[r], j.gradient + at[r], count, true);
      p[r].template load<!Whole>(j, at[r], count, true);
      (leaf_of<I>(s).template load<!Whole>(leaf_value<I>(j.slots), r, row + r, at[r], count), ...);
    }
#pragma unroll
    for (int r = 0; r < Rows; ++r) {
      noises<V, P, std::index_sequence<I...>, S...> bits;
      bits.draw(c.key, at[r]);
#pragma unroll
      for (int k = 0; k < V; ++k) {
        const float gradient = to_float(g[r][k]);
        float x[total + 1] = {leaf_of<I>(s).get(r, k, gradient != 0.0f)...};
        const float before = p[r][k];
        const auto u = P::rules::template run<0>(c.frame, gradient * c.scale, before, x);
        (leaf_of<I>(s).template set<(Rows > 1)>(r, k, k < count, x[I], leaf_of<I>(bits)[k]), ...);
        p[r].move(k, before, u, bits.own[k]);
        if constexpr (P::sums > 0)
          if (k < count) seen.add(u);
      }
    }
#pragma unroll
    for (int r = 0; r < Rows; ++r) {
      p[r].template save<!Whole>(j, at[r], count, true);
      (leaf_of<I>(s).template save<!Whole>(leaf_value<I>(j.slots), r, at[r], count), ...);
    }
    (leaf_of<I>(s).template add_up<place<I>, Rows>(row_sums), ...);
  }
};

// where a block keeps its warps' row sums until all have walked down
template <int Summed> using block_rows = float[Summed > 0 ? Summed : 1][warps_per_block][panel_cut::rows_per_tile];

// the row sums of warps beside each other, in their order
template <int Summed>
__device__ __forceinline__ void save_row_sums(const panel_cut& cut, float* partial, const block_rows<Summed>& sums,
                                              index_t strip, index_t first_row) {
  __syncthreads();
  const int rows = static_cast<int>(cut.rows_per_block());
  for (int i = static_cast<int>(threadIdx.x); i < Summed * rows; i += block_size) {
    const int slot = i / rows, below = i % rows;
    constexpr int tile = static_cast<int>(panel_cut::rows_per_tile);
    if (first_row + below >= cut.rows) continue;
    float sum = 0;
    for (int w = 0; w < cut.abreast; ++w) sum += sums[slot][below / tile * cut.abreast + w][below % tile];
    in_global(partial)[slot * cut.partial_floats() + strip * cut.rows + first_row + below] = sum;
  }
}
}  // namespace detail

/// One part of one job per block: V columns per lane.
template <class P, int V>
__global__ void __launch_bounds__(block_size, V == 4 ? 2 : 1)
    run_panels(const typename P::job* jobs, const part_of_job* parts, const folded<typename P::chain>* frames,
               std::uint64_t seed) {
  using work = detail::panels_of<P, V, typename P::list>;
  constexpr auto each = std::make_index_sequence<slot_count<typename P::rules>>{};
  const part_of_job here = parts[blockIdx.x];
  const typename P::job j = jobs[here.job];
  if (frames[j.tensor].apply == 0) return;
  const auto c = detail::constants_of<P>(j, frames[j.tensor], seed);
  const int warp = static_cast<int>(threadIdx.x) / warp_size, lane = static_cast<int>(threadIdx.x) % warp_size;
  const index_t strip = here.part % j.cut.strips, first_row = here.part / j.cut.strips * j.cut.rows_per_block();
  const index_t column = ((strip * j.cut.abreast + warp % j.cut.abreast) * warp_size + lane) * V;
  const index_t tile = first_row / panel_cut::rows_per_tile + warp / j.cut.abreast;
  const index_t row = tile * panel_cut::rows_per_tile, below = j.cut.rows - row;
  const int rows = static_cast<int>(below < panel_cut::rows_per_tile ? below : panel_cut::rows_per_tile);
  const int inside = column < j.cut.columns ? V : 0;
  __shared__ detail::block_rows<work::summed> sums;
  detail::observed<P::sums> seen;
  detail::walk_down<work>(j, c, row, rows, column, inside, tile, sums, warp, lane, seen, each);
  if constexpr (work::summed > 0) detail::save_row_sums<work::summed>(j.cut, j.partial, sums, strip, first_row);
  seen.save(j.observed + here.part * P::sums);
}

}  // namespace mango::inline MANGO_ABI::cuda
