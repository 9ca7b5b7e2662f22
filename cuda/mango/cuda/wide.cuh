#pragma once
// V consecutive numbers of one thread: read and written 16 bytes at a time, and looked at by stores one by one.
#include <type_traits>

#include "mango/core/types.hpp"

namespace mango::inline MANGO_ABI::cuda {

namespace detail {
// A pointer that came out of memory could lead anywhere; these lead to global memory, whose instructions are cheaper
template <class T> __device__ __forceinline__ T* in_global(T* p) {
  __builtin_assume(__isGlobal(p));
  return p;
}

// to[k] <- from[k] for k < count, in words of as many bytes as V elements allow when there are V and memory is aligned
template <int V, class E> __device__ __forceinline__ void read(E* to, const E* from, int count, bool wide) {
  constexpr int bytes = V * static_cast<int>(sizeof(E));
  if (wide && count >= V && bytes >= 4) {
    using word = std::conditional_t<bytes % 16 == 0, uint4, std::conditional_t<bytes % 8 == 0, uint2, std::uint32_t>>;
#pragma unroll
    for (int k = 0; k < bytes / static_cast<int>(sizeof(word)); ++k)
      reinterpret_cast<word*>(to)[k] = reinterpret_cast<const word*>(in_global(from))[k];
  } else {
#pragma unroll
    for (int k = 0; k < V; ++k) to[k] = k < count ? in_global(from)[k] : E{};
  }
}
// the reverse
template <int V, class E> __device__ __forceinline__ void write(E* to, const E* from, int count, bool wide) {
  constexpr int bytes = V * static_cast<int>(sizeof(E));
  if (wide && count >= V && bytes >= 4) {
    using word = std::conditional_t<bytes % 16 == 0, uint4, std::conditional_t<bytes % 8 == 0, uint2, std::uint32_t>>;
#pragma unroll
    for (int k = 0; k < bytes / static_cast<int>(sizeof(word)); ++k)
      reinterpret_cast<word*>(in_global(to))[k] = reinterpret_cast<const word*>(from)[k];
  } else {
#pragma unroll
    for (int k = 0; k < V; ++k)
      if (k < count) in_global(to)[k] = from[k];
  }
}

// f(array of x, the same array of y, whether it is read) for every array of an element-wise store's view or of a target
template <class View, class F> __device__ __forceinline__ void each_array(View& x, const View& y, F f) {
  if constexpr (requires { x.view; }) each_array(x.view, y.view, f);
  else if constexpr (requires { x.master; }) {
    f(x.master, y.master, std::true_type{});
    f(x.image, y.image, std::false_type{});
  } else if constexpr (requires { x.compensation; }) {
    f(x.value, y.value, std::true_type{});
    f(x.compensation, y.compensation, std::true_type{});
  } else {
    static_assert(
        requires { x.data; },
        "mango: on a device, an element-wise store has a view with one array `data`, or `value` and "
        "`compensation`; see docs/cuda.md#stores");
    f(x.data, y.data, std::true_type{});
  }
}
}  // namespace detail

/// V numbers of a view in registers: as a view, whose arrays begin with them. (It does not keep that view: registers
/// have no address.)
template <int V, class View> class wide_view {
 public:
  __device__ __forceinline__ void load(const View& memory, index_t i, int count, bool wide) {
    View here = **this;
    detail::each_array(here, memory, [&](auto* kept, auto* there, auto reads) {
      if constexpr (decltype(reads)::value) detail::read<V>(kept, there + i, count, wide);
    });
  }
  __device__ __forceinline__ void save(const View& memory, index_t i, int count, bool wide) {
    View here = **this;
    detail::each_array(here, memory,
                       [&](auto* kept, auto* there, auto) { detail::write<V>(there + i, kept, count, wide); });
  }
  __device__ __forceinline__ View operator*() {
    View here{};
    int n = 0;
    detail::each_array(here, here, [&](auto*& array, auto*, auto) {
      array = reinterpret_cast<std::remove_reference_t<decltype(array)>>(words_[n++]);
    });
    return here;
  }

 private:
  alignas(16) std::uint32_t words_[2][V];
};

}  // namespace mango::inline MANGO_ABI::cuda
