#pragma once
// Views of Thrust's containers, and of memory that is known by its address.
#include <thrust/device_vector.h>

#include "mango/cuda/device_span.hpp"

namespace mango::inline MANGO_ABI::cuda {

/// All of a thrust::device_vector.
template <class T, class Allocator> device_span<T> as_span(thrust::device_vector<T, Allocator>& v) {
  return {thrust::raw_pointer_cast(v.data()), v.size()};
}
template <class T, class Allocator> device_span<const T> as_span(const thrust::device_vector<T, Allocator>& v) {
  return {thrust::raw_pointer_cast(v.data()), v.size()};
}

}  // namespace mango::inline MANGO_ABI::cuda
