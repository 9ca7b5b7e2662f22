#pragma once
// Where in memory one step of a pass reads and writes: a whole packet, the last few elements, or one element. Stores
// are written once, on any position; the position decides whether numbers travel as packets or as floats.
#include <cstring>

#include "mango/core/packet.hpp"

namespace mango::inline MANGO_ABI {

/// `packet::lanes` elements from i on.
struct whole {
  using number = packet;
  using bits = packet::bits;
  index_t i;
};
/// The last `count` < packet::lanes elements, from i on. The other lanes read as zero and are not written.
struct part_of {
  using number = packet;
  using bits = packet::bits;
  index_t i;
  int count;
};
/// One element: device code, twins, and anything that is not a hot loop.
struct one {
  using number = float;
  using bits = std::uint32_t;
  index_t i;
};

template <class E> MANGO_INLINE packet load(const E* base, whole at) { return load(base + at.i); }
MANGO_INLINE void save(float* base, whole at, packet x) { save(base + at.i, x); }
template <half E> MANGO_INLINE void save_halves(E* base, whole at, packet::bits x) { save_halves(base + at.i, x); }

template <class E> MANGO_INLINE packet load(const E* base, part_of at) {
  E lanes[packet::lanes] = {};
  std::memcpy(lanes, base + at.i, static_cast<std::size_t>(at.count) * sizeof(E));
  return load(lanes);
}
MANGO_INLINE void save(float* base, part_of at, packet x) {
  float lanes[packet::lanes];
  save(lanes, x);
  std::memcpy(base + at.i, lanes, static_cast<std::size_t>(at.count) * sizeof(float));
}
template <half E> MANGO_INLINE void save_halves(E* base, part_of at, packet::bits x) {
  E lanes[packet::lanes];
  save_halves(lanes, x);
  std::memcpy(static_cast<void*>(base + at.i), lanes, static_cast<std::size_t>(at.count) * sizeof(E));
}

template <class E> MANGO_HD float load(const E* base, one at) { return to_float(base[at.i]); }
MANGO_HD void save(float* base, one at, float x) { base[at.i] = x; }
template <half E> MANGO_HD void save_halves(E* base, one at, std::uint32_t x) {
  base[at.i].bits = static_cast<std::uint16_t>(x);
}
/// The bit pattern of a float, and back.
MANGO_HD std::uint32_t to_bits(float x) { return __builtin_bit_cast(std::uint32_t, x); }
/// The float with this bit pattern.
MANGO_HD float from_bits(std::uint32_t x) { return __builtin_bit_cast(float, x); }

}  // namespace mango
