#pragma once
// The words of CUDA C++ for a host compiler: included before everything else, it lets kernels run on the CPU.
#include "cuda_runtime_api.h"
#include "threads.hpp"

#define MANGO_EMULATED
#define __device__
#define __host__
#define __global__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __shared__ static
#define __isGlobal(p) (p)
#define __builtin_assume(x) (void)(x)
#define threadIdx (::emulated::dim{::emulated::block::now()->thread()})
#define blockDim (::emulated::dim{::emulated::block::now()->size()})
#define blockIdx (::emulated::dim{::emulated::block::now()->index()})

struct alignas(8) uint2 {
  std::uint32_t x, y;
};
struct alignas(16) uint4 {
  std::uint32_t x, y, z, w;
};

namespace emulated {
template <class T> std::uint64_t pattern(T x) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &x, sizeof x);
  return bits;
}
template <class T> T exchange(std::uint32_t members, T x, unsigned lane) {
  const std::uint64_t bits = block::now()->exchange(members, pattern(x), lane);
  std::memcpy(&x, &bits, sizeof x);
  return x;
}
}  // namespace emulated

template <class T> T __shfl_xor_sync(unsigned members, T x, int apart) {
  return emulated::exchange(members, x, (threadIdx.x % 32) ^ static_cast<unsigned>(apart));
}
template <class T> T __shfl_sync(unsigned members, T x, int lane) {
  return emulated::exchange(members, x, static_cast<unsigned>(lane));
}
inline unsigned __ballot_sync(unsigned members, bool x) {
  unsigned all = 0;
  for (unsigned lane = 0; lane < 32; ++lane) {
    const bool other = emulated::exchange(members, x ? 1u : 0u, lane) != 0;
    all |= (other ? 1u : 0u) << lane;
  }
  return all;
}
inline int __all_sync(unsigned members, bool x) { return __ballot_sync(members, x) == members; }
inline void __syncthreads() { emulated::block::now()->meet(0, emulated::block::now()->alive()); }
inline int __syncthreads_or(int x) {
  static int any;
  __syncthreads();
  any = 0;
  __syncthreads();
  any |= x;
  __syncthreads();
  return any;
}
inline void __threadfence() {}
template <class T> T atomicAdd(T* x, T by) {
  const T old = *x;
  *x += by;
  return old;
}
inline unsigned atomicXor(unsigned* x, unsigned by) {
  const unsigned old = *x;
  *x ^= by;
  return old;
}
template <class T> T __ldcg(const T* x) { return *x; }
inline std::uint32_t __float_as_uint(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}
