#pragma once
// One bit per lane: masks to and from the bits of an integer, lane 0 in the lowest bit.
#include <utility>

#include "mango/core/integers.hpp"
#include "mango/core/math.hpp"

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
/// x in the lanes whose bit is set, -x in the others. With mask registers a bit is a lane: no vector of them is made.
MANGO_INLINE packet with_signs(std::uint32_t positive, packet x) {
#if MANGO_LANES == 16 && defined(__clang__)
  return packet(__builtin_ia32_selectps_512(static_cast<std::uint16_t>(positive), x.v, (-x).v));
#elif MANGO_LANES == 16
  return packet(__builtin_ia32_blendmps_512_mask((-x).v, x.v, static_cast<std::uint16_t>(positive)));
#elif MANGO_LANES == 8
  constexpr packet::bits to_top{31, 30, 29, 28, 27, 26, 25, 24};
  const packet::bits bit = (packet::bits{} + positive) << to_top;  // each lane's at the sign
  return from_bits(to_bits(x) ^ (~bit & 0x80000000u));
#else
  return math::select(lanes_with(positive), x, -x);
#endif
}
/// The bits of the lanes that are above zero.
MANGO_INLINE std::uint32_t positive_bits(packet x) {
#if MANGO_LANES == 16
  constexpr int greater = 30, as_rounding_is = 4;
  return static_cast<std::uint16_t>(
      __builtin_ia32_cmpps512_mask(x.v, packet::floats{}, greater, static_cast<std::uint16_t>(-1), as_rounding_is));
#else
  return bits_of(x > packet(0.0f));
#endif
}
/// The bits of the lanes that are below `bound`.
MANGO_INLINE std::uint32_t bits_below(packet::bits x, std::uint32_t bound) {
#if MANGO_LANES == 16
  constexpr int less = 1;
  return static_cast<std::uint16_t>(
      __builtin_ia32_ucmpd512_mask(as_ints(x), as_ints(packet::bits{} + bound), less, static_cast<std::uint16_t>(-1)));
#else
  return bits_of(x < bound);
#endif
}
/// The lanes before `count`.
MANGO_INLINE packet::mask first_lanes(int count) { return lanes_with((std::uint32_t{1} << count) - 1); }
#else
/// Whether the one lane's bit is set.
MANGO_HD packet::mask lanes_with(std::uint32_t bits) { return (bits & 1u) != 0; }
/// The bit of the one lane.
MANGO_HD std::uint32_t bits_of(packet::mask m) { return m ? 1u : 0u; }
/// x if the lane's bit is set, else -x.
MANGO_HD packet with_signs(std::uint32_t positive, packet x) { return lanes_with(positive) ? x : -x; }
/// The bit of the one lane, if it is above zero.
MANGO_HD std::uint32_t positive_bits(packet x) { return bits_of(x > packet(0.0f)); }
/// The lanes before `count`.
MANGO_HD packet::mask first_lanes(int count) { return count > 0; }
#endif

}  // namespace mango
