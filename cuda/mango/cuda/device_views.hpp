#pragma once
// Checks of what a trainer hands to a device optimizer. Every check comes before the first write, and names the tensor.
#include "mango/optim/describe.hpp"
#include "mango/optim/validate.hpp"
#include "mango/optim/views.hpp"

#include "mango/cuda/device_state.hpp"

namespace mango::inline MANGO_ABI::cuda {

/// The name of what was done wrong: compilers print it beside the call.
struct host_memory_given_to_a_cuda_optimizer__wrap_it_in_device_span {};

/// Raises errc::config for what a device cannot do.
inline void require_supported(const optimizer_options& options) {
  if (options.accumulate)
    raise(errc::config, {"a device optimizer keeps no accumulator: add micro-batches up in the gradient"},
          "accumulate");
}

/// The visitor that finds a learning rate which is a function of the host's.
struct no_host_function {
  void operator()(const char*, double, const interval&) const {}
  void operator()(const char* field, std::string_view word) const {
    if (word == "function")
      raise(errc::config, {"a device cannot call a function of the host: give the rate with every step"}, field);
  }
};

/// Memory of the device that the optimizer runs on. Raises errc::device naming the tensor.
inline void require_device_memory(std::string_view tensor, const mango::detail::extent& e, const device& where) {
  if (e.count == 0) return;
  cudaPointerAttributes is{};
  check(cudaPointerGetAttributes(&is, e.data), "asking where memory is");
  if (is.type != cudaMemoryTypeDevice && is.type != cudaMemoryTypeManaged)
    mango::detail::refuse(errc::device, tensor, "its {word} is host memory", where.ordinal(), -1, e.what);
  if (is.type == cudaMemoryTypeDevice && is.device != where.ordinal())
    mango::detail::refuse(errc::device, tensor,
                          "its {word} is memory of device {got}, but the optimizer runs on device {expected}",
                          where.ordinal(), is.device, e.what);
}

template <class T> mango::detail::extent extent_of(const char* what, device_span<T> s) {
  return {what, static_cast<const void*>(s.data()), s.size(), dtype_of<std::remove_const_t<T>>};
}

/// Everything about one tensor's arrays.
template <class P, class G>
mango::detail::operands check_device_operands(const mango::detail::tensor_record& t, device_span<P> parameter,
                                              device_span<const G> gradient, device_span<float> master,
                                              bool has_gradient, const device& where) {
  const auto p = extent_of("parameter", parameter), g = extent_of("gradient", gradient),
             copy = extent_of("master copy", master);
  const auto o =
      mango::detail::check_operands(t, p, has_gradient ? g : mango::detail::extent{}, {master.data(), master.size()});
  for (const auto& e : {p, g, copy}) require_device_memory(t.name, e, where);
  return o;
}

inline bool same(const mango::detail::operands& a, const mango::detail::operands& b) {
  return a.parameter == b.parameter && a.gradient == b.gradient && a.master == b.master &&
         a.gradient_type == b.gradient_type;
}
inline bool is_aligned(const mango::detail::operands& o) {
  const auto past = [](const void* p) { return reinterpret_cast<std::uintptr_t>(p) % part_alignment; };
  return past(o.parameter) == 0 && past(o.gradient) == 0 && past(o.master) == 0;
}

/// The first of n numbers that is not finite, or n. They are copied to the host: this is for a message.
inline index_t first_nonfinite(const void* x, dtype type, index_t n, const device& where) {
  constexpr index_t some = 4096;
  const index_t size = size_of(type);
  const auto* from = static_cast<const std::byte*>(x);
  for (index_t i = 0; i < n; i += some) {
    const index_t here = n - i < some ? n - i : some;
    std::uint32_t words[some];
    check(cudaMemcpyAsync(words, from + i * size, static_cast<std::size_t>(here * size), cudaMemcpyDeviceToHost,
                          where.stream()),
          "reading from the device");
    where.synchronize();
    const index_t bad = mango::first_nonfinite(words, type, here);
    if (bad < here) return i + bad;
  }
  return n;
}

}  // namespace mango::inline MANGO_ABI::cuda
