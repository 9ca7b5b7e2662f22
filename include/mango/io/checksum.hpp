#pragma once
// XXH3, 128 bits: it finds damage, at the speed of memory; it is no signature.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <span>
#include <string>
#include <string_view>

#include "mango/core/types.hpp"

namespace mango::inline MANGO_ABI {

/// The checksum of bytes that come in pieces. Yann Collet's XXH3 with seed 0, the canonical form as 32 hexadecimal
/// digits: what `xxhsum -H2` prints for the same bytes.
class checksum {
 public:
  checksum() { XXH3_128bits_reset(&state_); }
  void add(std::span<const std::byte> bytes) { XXH3_128bits_update(&state_, bytes.data(), bytes.size()); }
  /// Text, and a zero byte that says where it ends.
  void add(std::string_view text) {
    add(std::as_bytes(std::span(text)));
    add(std::uint64_t{0}, 1);
  }
  /// The lower bytes of a number, the lowest first.
  void add(std::uint64_t x, int bytes = 8) {
    std::byte all[8];
    for (int i = 0; i < 8; ++i) all[i] = static_cast<std::byte>(x >> 8 * i);
    add(std::span<const std::byte>(all, static_cast<std::size_t>(bytes)));
  }
  std::string digits() const {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&state_));
    std::string out;
    for (const unsigned char byte : canonical.digest) {
      out += "0123456789abcdef"[byte >> 4];
      out += "0123456789abcdef"[byte & 15];
    }
    return out;
  }

 private:
  XXH3_state_t state_;
};

}  // namespace mango
