#pragma once
// Sums and selections over one array, on CUB: the same result every time. (Steps need none of this; it costs seconds of
// compile time.)
#include <thrust/iterator/transform_iterator.h>
#include <cub/device/device_radix_sort.cuh>
#include <cub/device/device_reduce.cuh>

#include "mango/cuda/device_array.hpp"
#include "mango/cuda/device_span.hpp"
#include "mango/cuda/device_state.hpp"
#include "mango/cuda/team.cuh"

namespace mango::inline MANGO_ABI::cuda {

namespace detail {
struct square {
  __device__ double operator()(float x) const { return static_cast<double>(x) * static_cast<double>(x); }
};
// magnitudes as integers are ordered as numbers are; with the place, equal ones are too
template <class Place> __global__ void number_magnitudes(const float* x, std::uint32_t* key, Place* place, index_t n) {
  const index_t i = static_cast<index_t>(blockIdx.x) * block_size + threadIdx.x;
  if (i >= n) return;
  key[i] = __float_as_uint(x[i]) & 0x7fffffffu;
  place[i] = static_cast<Place>(i);
}
}  // namespace detail

/// Reductions and selections on one stream, with scratch that grows to what was needed.
class selection {
 public:
  explicit selection(const device& where) : where_(where) {}

  /// The sum of squares, in double. Waits for the stream.
  double squared_norm(device_span<const float> x) {
    const auto squares = thrust::make_transform_iterator(x.data(), detail::square{});
    total_.reserve(1, where_);
    const auto n = static_cast<index_t>(x.size());
    with_scratch("a sum", [&](void* scratch, std::size_t& bytes) {
      return cub::DeviceReduce::Sum(scratch, bytes, squares, total_.data(), n, where_.stream());
    });
    return read(total_.data(), where_);
  }

  /// The places of the k numbers of largest magnitude, largest first, of equal ones the first in x; `to` has room for
  /// all of x and its first k are the result. NaN counts as larger than infinity. x has fewer than 2^32 numbers.
  void largest(device_span<const float> x, device_span<std::uint32_t> to) {
    const auto n = static_cast<index_t>(x.size());
    if (to.size() < x.size() || n > 0xffffffff)
      raise(errc::size, "room for {got} places was given, of {expected} numbers", n, static_cast<long long>(to.size()));
    key_.reserve(2 * x.size(), where_);
    place_.reserve(x.size(), where_);
    launch("numbering magnitudes", &detail::number_magnitudes<std::uint32_t>, (n + block_size - 1) / block_size,
           block_size, where_.stream(), x.data(), key_.data(), place_.data(), n);
    with_scratch("a sort", [&](void* scratch, std::size_t& bytes) {
      return cub::DeviceRadixSort::SortPairsDescending(scratch, bytes, key_.data(), key_.data() + n, place_.data(),
                                                       to.data(), n, 0, 31, where_.stream());
    });
  }

 private:
  // CUB is asked how much it needs first
  template <class F> void with_scratch(std::string_view doing, F f) {
    std::size_t bytes = 0;
    check(f(nullptr, bytes), doing);
    scratch_.reserve(bytes + 1, where_);
    check(f(scratch_.data(), bytes), doing);
  }

  device where_;
  device_array<std::byte> scratch_;
  device_array<double> total_;
  device_array<std::uint32_t> key_, place_;
};

}  // namespace mango::inline MANGO_ABI::cuda
