#pragma once
// One row of sign bits that starts anywhere in a byte, moved to where it starts at one, and back.
#include "mango/core/types.hpp"

namespace mango::inline MANGO_ABI::detail {

/// Bytes of a row of `count` bits, with room for a packet's worth more.
constexpr index_t sign_row_bytes(index_t count) { return (count + 7) / 8 + 2; }

/// out <- bits [first, first + count) of `flat`. Reads no byte that holds none of them.
inline void read_signs(const std::uint8_t* flat, index_t first, index_t count, std::uint8_t* out) {
  const auto shift = static_cast<unsigned>(first % 8);
  const index_t from = first / 8, last = (first + count - 1) / 8;
  for (index_t k = 0; 8 * k < count; ++k) {
    unsigned two = flat[from + k];
    if (from + k < last) two |= static_cast<unsigned>(flat[from + k + 1]) << 8;
    out[k] = static_cast<std::uint8_t>(two >> shift);
  }
}

/// The reverse; the bits before and after stay as they are.
inline void write_signs(std::uint8_t* flat, index_t first, index_t count, const std::uint8_t* in) {
  for (index_t done = 0; done < count;) {
    const index_t bit = first + done;
    const auto shift = static_cast<unsigned>(bit % 8);
    const index_t room = 8 - bit % 8, n = count - done < room ? count - done : room;
    unsigned two = static_cast<unsigned>(in[done / 8]) >> (done % 8);
    if (done % 8 + n > 8) two |= static_cast<unsigned>(in[done / 8 + 1]) << (8 - done % 8);
    const unsigned mask = ((1u << n) - 1) << shift;
    flat[bit / 8] = static_cast<std::uint8_t>((flat[bit / 8] & ~mask) | ((two << shift) & mask));
    done += n;
  }
}

}  // namespace mango
