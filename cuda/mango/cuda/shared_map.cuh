#pragma once
// A code table whose numbers are in the memory that a block of threads shares: to look one up there takes three
// instructions instead of five, and a code's value one lookup instead of two.
#include "mango/store/blockwise.hpp"
#include "mango/store/read_only.hpp"

#include "mango/cuda/team.cuh"

namespace mango::inline MANGO_ABI::cuda {

/// `Map`, code by code and table by table in shared memory. All threads of a block call fill() and then __syncthreads()
/// before anything else.
template <class Map> struct shared_map : Map {
  static constexpr unsigned codes = 1u << Map::bits;

  template <class T> __device__ __forceinline__ static T value(std::uint32_t code) { return values()[code % codes]; }
  template <class T>
  requires requires(T y) { Map::position(y); }
  __device__ __forceinline__ static std::int32_t position(T y) { return Map::position(y); }
  template <class T>
  requires requires(T y) { Map::segment(y); }
  __device__ __forceinline__ static std::int32_t position(T y, std::uint32_t segment) {
    return Map::position(y, segment, tables());
  }
  template <class T>
  requires requires(T y) { Map::segment(y); }
  __device__ __forceinline__ static std::uint32_t segment(T y) { return Map::segment(y, tables()); }
  template <class T>
  requires requires(T y) { Map::place(y); }
  __device__ __forceinline__ static std::uint32_t nearest(T y, std::uint32_t place) {
    return Map::nearest(y, place, tables());
  }

  __device__ __forceinline__ static void fill() {
    for (unsigned k = threadIdx.x; k < codes; k += blockDim.x) values()[k] = Map::template value<float>(k);
    if constexpr (requires { Map::kept(); }) {
      const auto* from = reinterpret_cast<const std::uint32_t*>(&Map::kept());
      auto* to = reinterpret_cast<std::uint32_t*>(&tables());
      for (unsigned k = threadIdx.x; k < sizeof(typename Map::tables) / 4; k += blockDim.x) to[k] = from[k];
    }
  }

 private:
  __device__ __forceinline__ static float* values() {
    __shared__ float all[codes];
    return all;
  }
  __device__ __forceinline__ static auto& tables() {
    using type = typename Map::tables;
    alignas(64) __shared__ std::uint32_t words[sizeof(type) / 4];  // without a constructor
    return *reinterpret_cast<type*>(words);
  }
};

namespace detail {
// a store as kernels compute with it; its memory is the same
template <class S> struct device_form { using type = S; };
template <class Map, int Block, rounding Rounding, class Scale>
struct device_form<blockwise<Map, Block, Rounding, Scale>> {
  using type = blockwise<shared_map<Map>, Block, Rounding, Scale>;
};
template <class S> struct device_form<read_only<S>> { using type = read_only<typename device_form<S>::type>; };
}  // namespace detail

}  // namespace mango::inline MANGO_ABI::cuda
