#pragma once
// What rounding to 16 bits has cut off, counted on the device.
#include "mango/optim/tensor.hpp"
#include "mango/pass/saturation.hpp"

#include "mango/cuda/device.hpp"
#include "mango/cuda/job.cuh"
#include "mango/cuda/launch.cuh"
#include "mango/cuda/team.cuh"

namespace mango::inline MANGO_ABI::cuda {

/// Elements of a block of threads.
inline constexpr index_t counted_part = 65536;

template <half E>
__global__ void __launch_bounds__(block_size) count_saturated(const E* x, index_t n, unsigned long long* count) {
  const index_t begin = static_cast<index_t>(blockIdx.x) * counted_part;
  const index_t end = n - begin < counted_part ? n : begin + counted_part;
  double mine = 0;
  for (index_t i = begin + static_cast<index_t>(threadIdx.x); i < end; i += block_size)
    mine += is_saturated(x[i]) ? 1 : 0;
  const double all = sum_of_block(mine);
  if (threadIdx.x == 0 && all > 0) atomicAdd(count, static_cast<unsigned long long>(all));
}

/// Of a tensor's state, and of its parameter if that is bound. Waits for the stream.
inline index_t count_saturated(const mango::detail::tensor_record& t, bool is_bound, const device& where) {
  const buffer count = where.allocate(sizeof(unsigned long long));
  const auto add = [&](const auto* x, index_t n) {
    launch("counting saturated numbers", &count_saturated<std::remove_cvref_t<decltype(*x)>>,
           (n + counted_part - 1) / counted_part, block_size, where.stream(), x, n,
           reinterpret_cast<unsigned long long*>(count.data()));
  };
  const auto look = [&](const void* x, dtype type, index_t n) {
    if (x && type == dtype::bf16) add(static_cast<const bfloat16*>(x), n);
    if (x && type == dtype::f16) add(static_cast<const float16*>(x), n);
  };
  if (is_bound) look(t.bound.parameter, t.spec.parameter, t.elements());
  for (const auto& p : t.layout.parts) look(t.state + p.offset, p.type, p.elements);
  unsigned long long all = 0;
  check(cudaMemcpyAsync(&all, count.data(), sizeof all, cudaMemcpyDeviceToHost, where.stream()),
        "reading from the device");
  where.synchronize();
  return static_cast<index_t>(all);
}

}  // namespace mango::inline MANGO_ABI::cuda
