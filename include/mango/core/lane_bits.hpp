#pragma once
// One bit per lane: masks to and from the bits of an integer, lane 0 in the lowest bit.
#include <utility>

#include "mango/core/packet.hpp"

namespace mango::inline MANGO_ABI {

#if MANGO_LANES > 1
namespace detail {
template <int... I> constexpr packet::bits lane_bit(std::integer_sequence<int, I...>) {
  return packet::bits{(std::uint32_t{1} << I)...};
}
}  // namespace detail

/// The lanes whose bit is set.
MANGO_INLINE packet::mask lanes_with(std::uint32_t bits) {
  constexpr packet::bits each = detail::lane_bit(std::make_integer_sequence<int, packet::lanes>{});
  return ((packet::bits{} + bits) & each) != 0u;
}
/// The bits of the lanes that are true.
MANGO_INLINE std::uint32_t bits_of(packet::mask m) {
#if MANGO_LANES == 16 && defined(__AVX512DQ__)
  return static_cast<std::uint16_t>(__builtin_ia32_cvtd2mask512(m));
#elif MANGO_LANES == 8 && defined(__AVX__)
  return static_cast<std::uint32_t>(__builtin_ia32_movmskps256(__builtin_bit_cast(packet::floats, m)));
#elif MANGO_LANES == 4 && defined(__SSE2__)
  return static_cast<std::uint32_t>(__builtin_ia32_movmskps(__builtin_bit_cast(packet::floats, m)));
#else
  std::uint32_t bits = 0;
  for (int i = 0; i < packet::lanes; ++i) bits |= (static_cast<std::uint32_t>(m[i]) & 1u) << i;
  return bits;
#endif
}
/// The lanes before `count`.
MANGO_INLINE packet::mask first_lanes(int count) { return lanes_with((std::uint32_t{1} << count) - 1); }
#else
/// Whether the one lane's bit is set.
MANGO_HD packet::mask lanes_with(std::uint32_t bits) { return (bits & 1u) != 0; }
/// The bit of the one lane.
MANGO_HD std::uint32_t bits_of(packet::mask m) { return m ? 1u : 0u; }
/// The lanes before `count`.
MANGO_HD packet::mask first_lanes(int count) { return count > 0; }
#endif

}  // namespace mango
