#pragma once
// Launching a kernel, and the few things about threads that C++ has no words for.
#include "mango/cuda/check.hpp"

namespace mango::inline MANGO_ABI::cuda {

/// Enqueues `blocks` blocks of `threads` threads. Raises errc::device, naming the kernel, for what the launch or an
/// earlier kernel did wrong. `arguments` are what the kernel takes, or convert to it.
template <class... Parameters, class... Arguments>
void launch(std::string_view name, void (*kernel)(Parameters...), index_t blocks, int threads, cudaStream_t stream,
            const Arguments&... arguments) {
  if (blocks == 0) return;
  kernel<<<static_cast<unsigned>(blocks), static_cast<unsigned>(threads), 0, stream>>>(arguments...);
  check_launch(name);
}

/// Waits for `Threads` threads of the block that name the same barrier, 1 to 15. Barrier 0 is __syncthreads().
template <int Threads> __device__ __forceinline__ void meet(unsigned barrier) {
  asm volatile("bar.sync %0, %1;" ::"r"(barrier), "n"(Threads) : "memory");
}

/// Asks for the 128 bytes around an address of global memory: they will be read soon, by this block.
__device__ __forceinline__ void prefetch(const void* p) { asm volatile("prefetch.global.L1 [%0];" ::"l"(p)); }

}  // namespace mango::inline MANGO_ABI::cuda
