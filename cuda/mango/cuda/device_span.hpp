#pragma once
// A view of device memory, which the host must not look into.
#include <cstddef>
#include <type_traits>

#include "mango/core/types.hpp"

namespace mango::inline MANGO_ABI::cuda {

/// Elements in device memory: a pointer and a count, like std::span, without host access. Host and device views do not
/// convert into each other.
template <class T> class device_span {
 public:
  using element_type = T;

  constexpr device_span() = default;
  MANGO_HOST_DEVICE constexpr device_span(T* data, std::size_t count) : data_(data), size_(count) {}
  template <class U>
  requires(std::is_convertible_v<U (*)[], T (*)[]>) MANGO_HOST_DEVICE constexpr device_span(device_span<U> other)
      : data_(other.data()), size_(other.size()) {}

  MANGO_HOST_DEVICE constexpr T* data() const { return data_; }
  MANGO_HOST_DEVICE constexpr std::size_t size() const { return size_; }
  MANGO_HOST_DEVICE constexpr std::size_t size_bytes() const { return size_ * sizeof(T); }
  MANGO_HOST_DEVICE constexpr bool empty() const { return size_ == 0; }
  MANGO_HOST_DEVICE constexpr device_span subspan(std::size_t first, std::size_t count) const {
    return {data_ + first, count};
  }
#if defined(__CUDACC__)
  __device__ T& operator[](std::size_t i) const { return data_[i]; }
#endif

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace mango::inline MANGO_ABI::cuda
