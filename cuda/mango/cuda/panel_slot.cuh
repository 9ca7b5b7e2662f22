#pragma once
// What a slot is to the panels kernel: decoded and summed by lanes that hold V columns of four rows.
#include "mango/store/factored.hpp"

#include "mango/cuda/job.cuh"

namespace mango::inline MANGO_ABI::cuda::detail {

/// Rows that are loaded before the first of them is used: four, or two where random bits or a second array of the
/// parameter need the registers.
template <class P, class List> inline constexpr int panel_rows = 4;
template <class P, class... S>
inline constexpr int panel_rows<P, store_list<S...>> =
    (!P::surveys && (P::target::rounds || sizeof(typename P::target) > sizeof(void*))) || (S::rounds || ...) ? 2 : 4;

/// Lines of 128 bytes that a warp reads of one row.
template <int V, class E> inline constexpr int lines_of = (32 * V * static_cast<int>(sizeof(E)) + 127) / 128;

// An element-wise store beside factored ones: nothing to sum.
template <class S, int V, int R> class panel_slot {
  using memory = typename S::view;

 public:
  static constexpr bool is_summed = false;
  __device__ __forceinline__ void start(const memory&, index_t, int) {}
  template <bool Partial> __device__ __forceinline__ void load(const memory& v, int r, index_t, index_t at, int count) {
    x_[r].template load<Partial>(v, at, count, true);
  }
  __device__ __forceinline__ float get(int r, int k, bool) { return S::load(*x_[r], one{k}); }
  template <bool Pairs> __device__ __forceinline__ void set(int r, int k, bool, float x, std::uint32_t noise) {
    S::save(*x_[r], one{k}, x, noise);
  }
  template <bool Partial> __device__ __forceinline__ void save(const memory& v, int r, index_t at, int count) {
    if constexpr (!mango::detail::is_read_only<S>) x_[r].template save<Partial>(v, at, count, true);
  }
  template <int Place, int Rows, int N> __device__ __forceinline__ void add_up(float (&)[N]) {}

 private:
  wide_view<V, memory> x_[R];
};

// A factored store. Of a read-only one only rows, columns and signs are read.
template <class S, int V, int R>
requires factored_store<S>
class panel_slot<S, V, R> {
  using memory = typename S::view;

 public:
  static constexpr bool is_summed = !mango::detail::is_read_only<S>;
  // the lane's columns, before the first row
  __device__ __forceinline__ void start(const memory& v, index_t column, int inside) {
#pragma unroll
    for (int k = 0; k < V; ++k) {
      column_[k] = k < inside ? in_global(v.columns)[column + k] : 0.0f;
      column_sum_[k] = 0;
    }
  }
  template <bool> __device__ __forceinline__ void load(const memory& v, int r, index_t row, index_t at, int count) {
    row_[r] = count > 0 ? in_global(v.rows)[row] : 0.0f;
    if constexpr (S::has_signs) {
      if constexpr (V == 1) signs_[r] = count > 0 ? in_global(v.signs)[at / 8] >> (at % 8) & 1u : 0u;
      else signs_[r] = count > 0 ? in_global(v.signs)[at / 8] >> (at % 8) : 0u;  // a nibble, since V is 4
    }
  }
  __device__ __forceinline__ float get(int r, int k, bool moves) const {
    float x = row_[r] * column_[k];
    if constexpr (S::has_signs) x = (signs_[r] >> k & 1u) != 0 ? x : -x;
    if constexpr (S::is_lazy) x = moves ? x : 0.0f;
    return x;
  }
  // with `Pairs`, two rows are added first, so that a column's sum has few roundings
  template <bool Pairs> __device__ __forceinline__ void set(int r, int k, bool exists, float x, std::uint32_t) {
    if constexpr (is_summed) {
      if constexpr (S::has_signs) {
        positive_[r] = (k == 0 ? 0u : positive_[r]) | (exists && x > 0 ? 1u << k : 0u);
        x = math::abs(x);
      }
      x = exists ? x : 0.0f;
      row_sum_[r] = k == 0 ? x : row_sum_[r] + x;
      pair_[k] = r % 2 == 0 ? x : pair_[k] + x;
      if (r % 2 == 1 || !Pairs) column_sum_[k] += pair_[k];
    }
  }
  template <bool> __device__ __forceinline__ void save(const memory& v, int r, index_t at, int count) {
    if constexpr (is_summed && S::has_signs) {
      if constexpr (V == 1) save_bit(v.signs, r, at, count);
      else {
        // two lanes' nibbles make a byte: rows are whole bytes, so both lanes have columns or neither has
        const std::uint32_t other = __shfl_xor_sync(~0u, positive_[r], 1);
        if (count > 0 && at % 8 == 0) in_global(v.signs)[at / 8] = static_cast<std::uint8_t>(positive_[r] | other << 4);
      }
    }
  }
  template <int Place, int Rows, int N> __device__ __forceinline__ void add_up(float (&row_sums)[N]) {
    if constexpr (is_summed) {
#pragma unroll
      for (int r = 0; r < Rows; ++r) row_sums[Place * R + r] = row_sum_[r];
    }
  }
  __device__ __forceinline__ void save_columns(float* to, index_t column, int inside) const {
    if constexpr (is_summed)
      for (int k = 0; k < V; ++k)
        if (k < inside) in_global(to)[column + k] = column_sum_[k];
  }

 private:
  // a warp's 32 bits start anywhere in a word, which it shares with other warps: only bits that change are touched
  __device__ __forceinline__ void save_bit(std::uint8_t* signs, int r, index_t at, int count) const {
    const std::uint32_t changed = __ballot_sync(~0u, count > 0 && signs_[r] != positive_[r]);
    const index_t first = __shfl_sync(~0u, at, 0);
    const int shift = static_cast<int>(first % 32), lane = static_cast<int>(threadIdx.x) % warp_size;
    auto* word = reinterpret_cast<unsigned*>(signs) + first / 32;
    if (lane == 0 && changed << shift != 0) atomicXor(word, changed << shift);
    if (lane == 1 && shift > 0 && changed >> (32 - shift) != 0) atomicXor(word + 1, changed >> (32 - shift));
  }

  float column_[V], column_sum_[V], pair_[V], row_[R], row_sum_[R];
  std::uint32_t signs_[R], positive_[R];
};

// Asks for rows of a tile before they are loaded: a lane for every 128 bytes of the gradient and of the parameter
template <class Work, class Job>
__device__ __forceinline__ void prefetch_rows(const Job& j, index_t row, int rows, index_t tile_column, int lane) {
  constexpr int of_gradient = lines_of<Work::width, typename Work::gradient>;
  constexpr int of_parameter = lines_of<Work::width, typename Work::parameter>, each = of_gradient + of_parameter;
  const int r = lane / each, line = lane % each;
  const index_t at = (row + r) * j.cut.columns + tile_column;
  if (r >= rows || r >= Work::rows) return;
  const auto ask = [&](const auto* array, int number) {
    const index_t i = at + number * (128 / static_cast<int>(sizeof(*array)));
    if (i < j.elements) prefetch(array + i);
  };
  if (line < of_gradient) ask(j.gradient, line);
  else ask(Work::parameter_of(j), line - of_gradient);
}

// Down a tile, some rows at a time
template <class Work, class Job, class Constants, class Sums, class Seen, std::size_t... I>
__device__ __forceinline__ void walk_down(const Job& j, const Constants& c, index_t row, int rows, index_t column,
                                          int inside, [[maybe_unused]] index_t tile, Sums& sums, int warp, int lane,
                                          Seen& seen, std::index_sequence<I...> each) {
  typename Work::slots s;
  (leaf_of<I>(s).start(leaf_value<I>(j.slots), column, inside), ...);
  const auto put = [&](int r, int count, float(&row_sums)[Work::sums]) {
    if constexpr (Work::summed > 0) {
      const float sum = sums_of_warp(row_sums);
      constexpr int lanes = warp_size / Work::sums;
      const int which = lane / lanes, slot = which / Work::rows, below = which % Work::rows;
      if (lane % lanes == 0 && slot < Work::summed && below < count) sums[slot][warp][r + below] = sum;
    }
  };
  // all rows are whole, but the last of a ragged matrix
  const int whole = rows > 0 && j.cut.width_of(row + rows - 1) < j.cut.columns ? rows - 1 : rows;
  int r = 0;
  for (; r + Work::rows <= whole; r += Work::rows) {
    prefetch_rows<Work>(j, row + r + Work::rows, rows - r - Work::rows, column - lane * Work::width, lane);
    float row_sums[Work::sums] = {};
    Work::template step<Work::rows, true>(j, c, s, row + r, column, inside, row_sums, seen, each);
    put(r, Work::rows, row_sums);
  }
  for (; r < rows; ++r) {
    float row_sums[Work::sums] = {};
    Work::template step<1, false>(j, c, s, row + r, column, inside, row_sums, seen, each);
    put(r, 1, row_sums);
  }
  if (rows <= 0) return;
  (Work::template put_columns<I>(leaf_of<I>(s), j, tile, column, inside), ...);
}

}  // namespace mango::inline MANGO_ABI::cuda::detail
