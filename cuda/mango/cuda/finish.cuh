#pragma once
// After a pass: row and column sums of factored slots put together, and what surveys have found.
#include "mango/rule/survey.hpp"

#include "mango/cuda/job.cuh"

namespace mango::inline MANGO_ABI::cuda {

/// One factored slot of one tensor.
struct finish_job {
  float* rows;
  float* columns;
  const float* partial;  // of this slot; see panel_cut
  double* sums;          // of columns
  double* totals;        // of the blocks that sum columns
  unsigned* arrived;     // how many of those are done; 0 before and after
  std::uint32_t tensor;
  panel_cut cut;

  /// Blocks of threads: those that sum columns, then those that sum rows.
  static constexpr index_t columns_per_part = 32, rows_per_part = block_size;
  MANGO_HD index_t column_parts() const { return (cut.columns + columns_per_part - 1) / columns_per_part; }
  MANGO_HD index_t parts() const { return column_parts() + (cut.rows + rows_per_part - 1) / rows_per_part; }
};

namespace detail {
// a sum, or the largest float where it is more: an infinite one would make NaN of every number beside a zero
__device__ __forceinline__ double saturated(double sum) {
  const auto most = static_cast<double>(__FLT_MAX__);
  return sum > most ? most : sum;
}

// one row per thread, in double across strips
__device__ __forceinline__ void finish_rows(const finish_job& j, index_t part) {
  const index_t row = part * finish_job::rows_per_part + threadIdx.x;
  if (row >= j.cut.rows) return;
  double sum = 0;
  for (index_t strip = 0; strip < j.cut.strips; ++strip)
    sum += static_cast<double>(j.partial[strip * j.cut.rows + row]);
  j.rows[row] = static_cast<float>(saturated(sum));
}

// 32 columns by 8 threads each: a thread adds every eighth tile down
__device__ __forceinline__ double sum_columns(const finish_job& j, index_t part) {
  __shared__ double of_thread[warps_per_block][warp_size];
  const index_t column = part * finish_job::columns_per_part + threadIdx.x % warp_size, down = j.cut.tiles_down();
  const auto warp = threadIdx.x / warp_size, lane = threadIdx.x % warp_size;
  const float* tiles = j.partial + j.cut.strips * j.cut.rows;
  double sum = 0;
  if (column < j.cut.columns)
    for (index_t t = warp; t < down; t += warps_per_block)
      sum += static_cast<double>(tiles[t * j.cut.columns + column]);
  of_thread[warp][lane] = sum;
  __syncthreads();
  if (warp != 0) return 0;
  for (int w = 1; w < warps_per_block; ++w) sum += of_thread[w][lane];
  sum = saturated(sum);
  if (column < j.cut.columns) j.sums[column] = sum;
  return sum;
}

// true in the block that comes last
__device__ __forceinline__ bool is_last(const finish_job& j) {
  __shared__ bool last;
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) last = atomicAdd(j.arrived, 1u) + 1 == static_cast<unsigned>(j.column_parts());
  __syncthreads();
  __threadfence();
  return last;
}

// columns become shares of their total (all zero when that is), once all sums are there
__device__ __forceinline__ void normalise_columns(const finish_job& j) {
  double mine = 0;
  for (index_t i = threadIdx.x; i < j.column_parts(); i += block_size) mine += __ldcg(j.totals + i);
  const double total = sum_of_block(mine);
  for (index_t c = threadIdx.x; c < j.cut.columns; c += block_size)
    j.columns[c] = total > 0 ? static_cast<float>(__ldcg(j.sums + c) / total) : 0.0f;
  if (threadIdx.x == 0) *j.arrived = 0;
}
}  // namespace detail

/// One part of one factored slot per block.
template <class Chain>
__global__ void __launch_bounds__(block_size)
    finish_slots(const finish_job* jobs, const part_of_job* parts, const folded<Chain>* frames) {
  const part_of_job here = parts[blockIdx.x];
  const finish_job j = jobs[here.job];
  if (frames[j.tensor].apply == 0) return;
  if (here.part >= j.column_parts()) return detail::finish_rows(j, here.part - j.column_parts());
  const double sum = sum_of_block(detail::sum_columns(j, here.part));
  if (threadIdx.x == 0) j.totals[here.part] = sum;
  if (detail::is_last(j)) detail::normalise_columns(j);
}

/// What was observed in the parts of one tensor.
struct settle_job {
  const double* observed;
  index_t parts, elements;
  std::uint32_t tensor;
};

namespace detail {
// of all parts; all threads call it
template <int Sums> __device__ __forceinline__ void total_of(const settle_job& j, double (&total)[Sums + 1]) {
  for (int k = 0; k < Sums; ++k) {
    double mine = 0;
    for (index_t i = threadIdx.x; i < j.parts; i += block_size) mine += j.observed[i * Sums + k];
    total[k] = sum_of_block(mine);
  }
}
}  // namespace detail

/// One tensor per block: the rule that wanted the sums of survey `Pass` folds them into its constants.
template <class Chain, int Pass>
__global__ void __launch_bounds__(block_size)
    settle(const settle_job* jobs, const Chain* rules, const std::uint32_t* groups, folded<Chain>* frames) {
  constexpr int sums = mango::detail::surveying<Chain, Pass>::sums;
  const settle_job j = jobs[blockIdx.x];
  if (frames[j.tensor].apply == 0) return;
  double total[sums + 1];
  detail::total_of<sums>(j, total);
  if (threadIdx.x != 0) return;
  const Chain& chain = rules[groups[j.tensor]];
  mango::detail::settle_survey<Chain, Pass>(chain, frames[j.tensor].frame, total, static_cast<double>(j.elements));
}

}  // namespace mango::inline MANGO_ABI::cuda
