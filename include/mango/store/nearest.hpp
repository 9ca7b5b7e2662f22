#pragma once
// The code nearest to a number.
#include "mango/core/lane_bits.hpp"

namespace mango::inline MANGO_ABI::detail {

// Map::position() is within 4 units of 2^-16; where a fraction is no nearer than that to a half, it says which code is
// the nearest
inline constexpr int position_error = 4;

// A map of several lines says on which of them a number is; the others have one
template <class Map, class T> MANGO_HD number_bits<T> segment_of(T y) {
  if constexpr (requires { Map::segment(y); }) return Map::segment(y);
  else return number_bits<T>{};
}
template <class Map, class T> MANGO_HD number_ints<T> position_of(T y, number_bits<T> segment) {
  if constexpr (requires { Map::segment(y); }) return Map::position(y, segment);
  else return Map::position(y);
}

/// The nearest codes of `Map`, of two at one distance the lower: where y is says between which two, and the rounded
/// midpoint of their values which of them.
template <class Map, class T> MANGO_HD number_bits<T> nearest_code(T y) {
  if constexpr (requires { Map::place(y); }) return Map::nearest(y, Map::place(y));
  else {
    const number_ints<T> at = position_of<Map>(y, segment_of<Map>(y)) >> 16;
    const number_ints<T> k = at_most(at_least(at, Map::first), Map::last - 1);
    const T below = Map::template value<T>(as_bits(k)), above = Map::template value<T>(as_bits(k + 1));
    return as_bits(y > product(below + above, T(0.5f)) ? k + 1 : k);
  }
}

// Half a code above position(), and a little more: the upper half of these is the nearest code, unless they are
// in_doubt()
template <class Map, class T> MANGO_HD number_bits<T> nearly_nearest(T y, number_bits<T> segment) {
  constexpr int more = 0x8000 + position_error;
  return as_bits(at_least(position_of<Map>(y, segment) + more, Map::first * 65536 + more));
}

MANGO_HD bool is_doubtful(std::uint32_t at) { return at << 16 < (2 * position_error + 1) << 16; }

#if MANGO_LANES > 1
template <std::size_t Packets> MANGO_INLINE bool in_doubt(const packet::bits* at) {
  packet::bits least = at[0] << 16;
  for (std::size_t k = 1; k < Packets; ++k) {
    const packet::bits fraction = at[k] << 16;
    least = fraction < least ? fraction : least;
  }
  return bits_below(least, (2 * position_error + 1) << 16) != 0;
}
#endif

}  // namespace mango::inline MANGO_ABI::detail
