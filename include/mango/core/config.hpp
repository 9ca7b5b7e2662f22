#pragma once
// What the compiler and its flags decide: function attributes, packet width, and the name of the inline namespace.
//
// A header-only library is compiled by every translation unit that includes it. Two units with different flags would
// define the same inline functions differently, and the linker would keep one of them at random. So everything lives
// in an inline namespace named after those flags: such units link, and each keeps the code it was compiled for.

// MANGO_HD: runs on host and device; so does MANGO_HOST_DEVICE, of functions that are called once per tensor and step
// and need not be inlined. MANGO_INLINE: host code that hot loops are made of; without it, -O2 leaves calls in them.
// Under nvcc it is the same as MANGO_HD, so that a store's one source compiles for both. MANGO_HOST_INLINE: the same of
// drivers, which the device has its own of. MANGO_EITHER_SIDE: before a MANGO_HOST_DEVICE template that calls what it
// is given, on the side that this is of.
#if defined(__CUDACC__)
#define MANGO_EITHER_SIDE _Pragma("nv_exec_check_disable")
#define MANGO_HD __host__ __device__ __forceinline__
#define MANGO_INLINE __host__ __device__ __forceinline__
#define MANGO_HOST_DEVICE __host__ __device__
#define MANGO_HOST_INLINE inline
#else
#define MANGO_EITHER_SIDE
#define MANGO_HD inline __attribute__((always_inline))
#define MANGO_INLINE inline __attribute__((always_inline))
#define MANGO_HOST_DEVICE
#define MANGO_HOST_INLINE MANGO_INLINE
#endif

/// a * b + c may become one fused instruction across inlined operators: g++ and nvcc do so by default, clang is told.
#if defined(__clang__) && !defined(__CUDACC__)
#define MANGO_CONTRACT _Pragma("clang fp contract(fast)")
#else
#define MANGO_CONTRACT
#endif

/// Before a loop of the host's, of no more than so many turns, that keeps an array in registers.
#if defined(__CUDACC__)
#define MANGO_UNROLL_4
#else
#define MANGO_UNROLL_4 _Pragma("GCC unroll 4")
#endif

// Lanes of a float packet, and its tag. Under nvcc the host half of a .cu file computes one lane at a time: the hot
// loops of such a file run on the device.
#if defined(__CUDACC__)
#define MANGO_LANES 1
#define MANGO_TAG_ISA cuda
#elif defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__)
#define MANGO_LANES 16
#define MANGO_TAG_ISA avx512
#elif defined(__AVX2__) && defined(__FMA__)
#define MANGO_LANES 8
#define MANGO_TAG_ISA avx2
#elif defined(__AVX__)
#define MANGO_LANES 8
#define MANGO_TAG_ISA avx
#elif defined(__SSE2__)
#define MANGO_LANES 4
#define MANGO_TAG_ISA sse2
#elif defined(__ARM_NEON)
#define MANGO_LANES 4
#define MANGO_TAG_ISA neon
#else
#define MANGO_LANES 4
#define MANGO_TAG_ISA generic
#endif

#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#define MANGO_TAG_MATH fast
#else
#define MANGO_TAG_MATH strict
#endif

#if defined(__cpp_exceptions)
#define MANGO_TAG_RAISE throws
#else
#define MANGO_TAG_RAISE aborts
#endif

#define MANGO_JOIN_(a, b, c, d) a##_##b##_##c##_##d
#define MANGO_JOIN(a, b, c, d) MANGO_JOIN_(a, b, c, d)
#define MANGO_ABI MANGO_JOIN(v0, MANGO_TAG_ISA, MANGO_TAG_MATH, MANGO_TAG_RAISE)

#if !defined(__cpp_concepts) || __cplusplus < 202002L
#error "mango needs C++20: compile with -std=c++20 (g++ 12, clang 14 or nvcc 13 and newer)"
#endif
