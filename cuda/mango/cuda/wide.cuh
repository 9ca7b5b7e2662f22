#pragma once
// V consecutive numbers of one thread: read and written 16 bytes at a time, and looked at by stores one by one.
#include <type_traits>

#include "mango/core/types.hpp"

#include "mango/cuda/launch.cuh"

namespace mango::inline MANGO_ABI::cuda {

namespace detail {
// A pointer that came out of memory could lead anywhere; these lead to global memory, whose instructions are cheaper
template <class T> __device__ __forceinline__ T* in_global(T* p) {
  __builtin_assume(__isGlobal(p));
  return p;
}

// what V elements are moved as
template <int V, class E>
using word_of = std::conditional_t<
    V * sizeof(E) % 16 == 0, uint4,
    std::conditional_t<V * sizeof(E) % 8 == 0, uint2, std::conditional_t<V * sizeof(E) % 4 == 0, std::uint32_t, E>>>;

// to[k] <- from[k] for k < count, 0 for others. Without `Partial` there are V or none, and memory is aligned to a word
template <int V, bool Partial, class E>
__device__ __forceinline__ void read(E* to, const E* from, int count, bool wide) {
  using word = word_of<V, E>;
  if (Partial ? wide && count >= V : count > 0) {
#pragma unroll
    for (unsigned k = 0; k < V * sizeof(E) / sizeof(word); ++k)
      reinterpret_cast<word*>(to)[k] = reinterpret_cast<const word*>(in_global(from))[k];
  } else {
#pragma unroll
    for (int k = 0; k < V; ++k) to[k] = Partial && k < count ? in_global(from)[k] : E{};
  }
}
// the reverse
template <int V, bool Partial, class E>
__device__ __forceinline__ void write(E* to, const E* from, int count, bool wide) {
  using word = word_of<V, E>;
  if (Partial ? wide && count >= V : count > 0) {
#pragma unroll
    for (unsigned k = 0; k < V * sizeof(E) / sizeof(word); ++k)
      reinterpret_cast<word*>(in_global(to))[k] = reinterpret_cast<const word*>(from)[k];
  } else if constexpr (Partial) {
#pragma unroll
    for (int k = 0; k < V; ++k)
      if (k < count) in_global(to)[k] = from[k];
  }
}

// the array of a target that is read first
template <class Target> MANGO_HD auto* first_array(const Target& t) {
  if constexpr (requires { t.view; }) return first_array(t.view);
  else if constexpr (requires { t.master; }) return t.master;
  else if constexpr (requires { t.value; }) return t.value;
  else return t.data;
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

/// Asks for the numbers from i on of every array that is read.
template <class View> __device__ __forceinline__ void prefetch_arrays(View memory, index_t i) {
  detail::each_array(memory, memory, [&](auto* array, auto*, auto reads) {
    if constexpr (decltype(reads)::value) prefetch(array + i);
  });
}

/// V numbers of a view in registers: as a view, whose arrays begin with them. (It does not keep that view: registers
/// have no address.)
template <int V, class View> class wide_view {
 public:
  template <bool Partial> __device__ __forceinline__ void load(const View& memory, index_t i, int count, bool wide) {
    View here = **this;
    detail::each_array(here, memory, [&](auto* kept, auto* there, auto reads) {
      if constexpr (decltype(reads)::value) detail::read<V, Partial>(kept, there + i, count, wide);
    });
  }
  template <bool Partial> __device__ __forceinline__ void save(const View& memory, index_t i, int count, bool wide) {
    View here = **this;
    detail::each_array(here, memory,
                       [&](auto* kept, auto* there, auto) { detail::write<V, Partial>(there + i, kept, count, wide); });
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
