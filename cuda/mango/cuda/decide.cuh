#pragma once
// Whether a step is taken, and its constants: found on the device, so that nothing waits for the host and a captured
// step can be replayed.
#include "mango/optim/options.hpp"

#include "mango/cuda/look.cuh"

namespace mango::inline MANGO_ABI::cuda {

/// What an optimizer counts, on the device; see step_counters.
struct device_counters {
  std::int64_t steps, skipped_steps, skipped_updates, consecutive_skips;
  std::int64_t attempt, number;  // of a step taken tensor by tensor, and the number it has when something is applied
  double gradient_norm;          // of the last batched step
  std::uint32_t applied;         // whether the last step or update was
  std::uint32_t refused;         // a gradient was not finite, and options say raise: nothing more is applied
};

/// What a decision is about: `count` tensors, the tallies of their gradients, and the arguments of the step.
struct decision {
  const std::uint32_t* tensors;
  index_t count;
  const part_tally* tallies;  // null: nobody has looked
  index_t parts;
  double learning_rate, gradient_scale;
  std::int64_t attempt;
  bool batched, measures, raises;
};

namespace detail {
inline constexpr int decide_threads = 1024;

// sums in one order: each thread every 1024th, then a tree
__device__ __forceinline__ part_tally sum_of(const part_tally* tallies, index_t parts) {
  __shared__ double squares[decide_threads];
  part_tally all{0, 0};
  for (index_t i = threadIdx.x; i < parts; i += decide_threads) {
    all.squared_norm += tallies[i].squared_norm;
    all.nonfinite |= tallies[i].nonfinite;
  }
  squares[threadIdx.x] = all.squared_norm;
  all.nonfinite = __syncthreads_or(static_cast<int>(all.nonfinite)) != 0 ? 1u : 0u;
  for (unsigned half = decide_threads / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) squares[threadIdx.x] += squares[threadIdx.x + half];
    __syncthreads();
  }
  all.squared_norm = squares[0];
  return all;
}

// by one thread
__device__ __forceinline__ void count(device_counters& n, const decision& d, bool applies, bool nonfinite) {
  if (d.batched || n.attempt != d.attempt) n.number = n.steps + 1;
  n.attempt = d.attempt;
  n.applied = applies ? 1 : 0;
  if (applies) {
    n.steps = n.number;
    n.consecutive_skips = 0;
  } else if (n.refused == 0) {
    if (nonfinite && d.raises) n.refused = 1;
    else {
      ++(d.batched ? n.skipped_steps : n.skipped_updates);
      ++n.consecutive_skips;
    }
  }
}
}  // namespace detail

/// One block. frames[i] <- the constants of tensor i, for those that the decision is about. `memories` are what tensors
/// remember, where rules learn.
template <class Chain>
__global__ void __launch_bounds__(detail::decide_threads)
    decide(const decision d, device_counters* counters, const Chain* rules, const std::uint32_t* groups,
           std::int64_t* updates, double* const* memories, folded<Chain>* frames) {
  part_tally seen{0, 0};
  if (d.tallies) seen = detail::sum_of(d.tallies, d.parts);
  const double squared_norm = seen.squared_norm * d.gradient_scale * d.gradient_scale;
  const bool nonfinite = seen.nonfinite != 0 || !(squared_norm <= 1.7976931348623157e308);
  const bool applies = !nonfinite && counters->refused == 0;
  __syncthreads();  // all have looked at the counters
  if (threadIdx.x == 0) {
    detail::count(*counters, d, applies, nonfinite);
    if (d.batched) counters->gradient_norm = d.measures ? __builtin_sqrt(squared_norm) : 0;
  }
  __syncthreads();
  for (index_t k = threadIdx.x; k < d.count; k += detail::decide_threads) {
    const std::uint32_t i = d.tensors[k];
    frames[i].apply = applies ? 1 : 0;
    if (!applies) continue;
    const std::int64_t t = ++updates[i];
    step_info info{t, counters->number, d.learning_rate, squared_norm};
    const Chain& chain = rules[groups[i]];
    if constexpr (mango::detail::learning<Chain>::memory > 0) mango::detail::inform(chain, info, memories[i]);
    frames[i].frame = chain.fold(info);
    frames[i].scale = static_cast<float>(d.gradient_scale * chain.scale(info));
    frames[i].epoch = static_cast<std::uint32_t>(t);
    if constexpr (folded<Chain>::learns) frames[i].info = info;
  }
}

}  // namespace mango::inline MANGO_ABI::cuda
