#pragma once
// A tensor's state in device memory.
#include "mango/optim/tensor.hpp"

#include "mango/cuda/device.hpp"
#include "mango/cuda/device_span.hpp"

namespace mango::inline MANGO_ABI::cuda {

/// One array of a tensor's state; see state_part.
struct device_state_part {
  const char* slot;
  const char* part;
  const char* store;
  dtype type;
  device_span<std::byte> bytes;
};

/// Kernels read and write 16 bytes at a time: every array starts at a multiple of them.
inline constexpr std::size_t part_alignment = 16;

/// The layout with every array so aligned, but the doubles of learning rules, which lie side by side behind the first.
inline mango::detail::state_layout aligned(mango::detail::state_layout layout) {
  std::size_t at = 0;
  const auto round_up = [&at](std::size_t to) { at = (at + to - 1) / to * to; };
  const std::size_t compensation = layout.compensation;
  for (std::size_t i = 0; i < layout.parts.size(); ++i) {
    auto& p = layout.parts[i];
    const bool beside = i > 0 && p.type == dtype::f64 && layout.parts[i - 1].type == dtype::f64;
    round_up(beside ? sizeof(double) : part_alignment);
    if (p.offset == compensation) layout.compensation = at;
    p.offset = at;
    at += static_cast<std::size_t>(p.elements * size_of(p.type));
  }
  round_up(part_alignment);
  layout.bytes = at;
  return layout;
}

/// Every array as it starts.
inline void fill_parts(const mango::detail::tensor_record& t, const device& where) {
  for (const auto& p : t.layout.parts)
    if (p.elements > 0 && p.fill != 0)
      check(cudaMemsetAsync(t.state + p.offset, p.fill, static_cast<std::size_t>(p.elements * size_of(p.type)),
                            where.stream()),
            "filling a tensor's state");
}

/// Device views of all arrays.
inline list<device_state_part> parts_of(const mango::detail::tensor_record& t) {
  list<device_state_part> parts;
  for (const auto& p : t.layout.parts)
    parts.push_back({p.slot,
                     p.part,
                     p.store,
                     p.type,
                     {t.state + p.offset, static_cast<std::size_t>(p.elements * size_of(p.type))}});
  return parts;
}

/// The T at this address, once all work before has been done.
template <class T> T read(const T* from, const device& where) {
  T x{};
  check(cudaMemcpyAsync(&x, from, sizeof x, cudaMemcpyDeviceToHost, where.stream()), "reading from the device");
  where.synchronize();
  return x;
}

}  // namespace mango::inline MANGO_ABI::cuda
