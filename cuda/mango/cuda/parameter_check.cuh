#pragma once
// Is every number of a parameter one? Asked where it is bound to a new place, and of bound ones before a load.
#include "mango/cuda/device_views.hpp"
#include "mango/cuda/launch.cuh"
#include "mango/cuda/look.cuh"

namespace mango::inline MANGO_ABI::cuda {

/// The first of n numbers that is not finite, or n. Waits for the stream.
inline index_t find_nonfinite_number(const void* x, dtype type, index_t n, const device& where) {
  if (n == 0) return n;
  const buffer found = where.allocate(sizeof(std::uint32_t));
  const bool wide = reinterpret_cast<std::uintptr_t>(x) % part_alignment == 0;
  launch("looking for numbers that are not finite", &find_nonfinite<std::uint32_t>, (n + look_part - 1) / look_part,
         block_size, where.stream(), look_job{x, n, type, wide}, reinterpret_cast<std::uint32_t*>(found.data()));
  std::uint32_t any = 0;
  check(cudaMemcpyAsync(&any, found.data(), sizeof any, cudaMemcpyDeviceToHost, where.stream()),
        "reading from the device");
  where.synchronize();
  return any != 0 ? first_nonfinite(x, type, n, where) : n;
}

/// f(what, element) for a bound parameter or master copy that is not finite.
template <class F>
void check_bound_parameter(const mango::detail::tensor_record& t, const mango::detail::operands& o,
                           const mango::detail::operands& known, const device& where, F f) {
  const auto look = [&](const char* what, const void* x, const void* before, dtype type) {
    if (!x || x == before) return;
    const index_t bad = find_nonfinite_number(x, type, t.elements(), where);
    if (bad < t.elements()) f(what, bad);
  };
  look("parameter", o.parameter, known.parameter, t.spec.parameter);
  look("master copy", o.master, known.master, dtype::f32);
}

}  // namespace mango::inline MANGO_ABI::cuda
