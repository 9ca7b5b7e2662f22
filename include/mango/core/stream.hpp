#pragma once
// Stores that go around the caches: for memory that is written and not read soon, since an ordinary store first reads
// the line that it is about to overwrite.
#include <utility>

#include "mango/core/packet.hpp"

namespace mango::inline MANGO_ABI {

#if MANGO_LANES > 1
namespace detail {
typedef float four_floats __attribute__((vector_size(16)));

template <std::size_t Quarter, std::size_t... I>
MANGO_INLINE four_floats quarter_of(packet x, std::index_sequence<I...>) {
  return __builtin_shufflevector(x.v, x.v, static_cast<int>(4 * Quarter + I)...);
}
MANGO_INLINE void stream_four(float* to, four_floats x) {
#if defined(__clang__)
  __builtin_nontemporal_store(x, reinterpret_cast<four_floats*>(to));
#elif defined(__SSE__)
  __builtin_ia32_movntps(to, x);
#else
  *reinterpret_cast<four_floats*>(to) = x;
#endif
}
template <std::size_t... Quarter>
MANGO_INLINE void stream_quarters(float* to, packet x, std::index_sequence<Quarter...>) {
  (stream_four(to + 4 * Quarter, quarter_of<Quarter>(x, std::make_index_sequence<4>{})), ...);
}
}  // namespace detail

/// Writes a packet around the caches; `to` is a multiple of 16 bytes. Aligned says that it is a multiple of a packet.
/// Other threads see it after stream_end().
template <bool Aligned> MANGO_INLINE void stream(float* to, packet x) {
  if constexpr (!Aligned) detail::stream_quarters(to, x, std::make_index_sequence<MANGO_LANES / 4>{});
  else {
#if defined(__clang__)
    __builtin_nontemporal_store(x.v, reinterpret_cast<packet::floats*>(to));
#elif MANGO_LANES == 16
    __builtin_ia32_movntps512(to, x.v);
#elif MANGO_LANES == 8
    __builtin_ia32_movntps256(to, x.v);
#else
    detail::stream_four(to, x.v);
#endif
  }
}
#else
template <bool> MANGO_HD void stream(float* to, packet x) { *to = x.v; }
#endif
/// Ends a run of stream(): what it wrote is in order with what follows.
MANGO_INLINE void stream_end() {
#if MANGO_LANES > 1 && defined(__SSE__)
  __builtin_ia32_sfence();
#endif
}

}  // namespace mango
