#pragma once
// Codes in memory: one byte each, or two to a byte, the first in its upper half. To packets they are T-wide integers.
#include <cstring>

#include "mango/core/integers.hpp"

namespace mango::inline MANGO_ABI {

namespace detail {
/// The last bytes of a tensor's codes, for code that reads and writes whole packets.
template <int Bytes> struct code_tail {
  std::uint8_t bytes[static_cast<std::size_t>(Bytes)];

  const std::uint8_t* read(const std::uint8_t* from, int bits, std::uint8_t fill) {
    std::memset(bytes, fill, sizeof bytes);
    if (bits > 0) std::memcpy(bytes, from, static_cast<std::size_t>((bits + 7) / 8));
    return bytes;
  }
  void write(std::uint8_t* to, int bits) const {
    if (bits > 0) std::memcpy(to, bytes, static_cast<std::size_t>((bits + 7) / 8));
  }
};

/// Code k of those at `from`, which are single numbers here; upper bits may be anything.
template <int Bits> MANGO_HD std::uint32_t code_at(const std::uint8_t* from, std::size_t k) {
  if constexpr (Bits == 8) return from[k];
  else return static_cast<std::uint32_t>(from[k / 2]) >> (k % 2 == 0 ? 4 : 0);
}
/// Writes codes one by one: the first `here` of N. Upper bits do not matter.
template <int Bits, std::size_t N>
MANGO_HD void write_codes(std::uint8_t* to, int here, const std::uint32_t (&code)[N]) {
  if constexpr (Bits == 8) {
    for (std::size_t k = 0; k < N; ++k)
      if (static_cast<int>(k) < here) to[k] = static_cast<std::uint8_t>(code[k]);
  } else {
    for (std::size_t k = 0; k < N; k += 2)
      if (static_cast<int>(k) < here) to[k / 2] = static_cast<std::uint8_t>(code[k] << 4 | (code[k + 1] & 15u));
  }
}

#if MANGO_LANES > 1
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && (MANGO_LANES == 16 || defined(__AVX2__))
#define MANGO_WIDE_CODES 1
#else
#define MANGO_WIDE_CODES 0
#endif

/// Packet k of the codes at `from`; upper bits may be anything.
template <int Bits> MANGO_INLINE packet::bits load_codes(const std::uint8_t* from, std::size_t k) {
  from += k * MANGO_LANES * Bits / 8;
#if MANGO_WIDE_CODES && MANGO_LANES == 16
  if constexpr (Bits == 8) {
    char __attribute__((vector_size(16))) bytes;
    std::memcpy(&bytes, from, sizeof bytes);
#if defined(__clang__)
    return __builtin_convertvector(__builtin_bit_cast(unsigned char __attribute__((vector_size(16))), bytes),
                                   packet::bits);
#else
    return as_bits(__builtin_ia32_pmovzxbd512_mask(bytes, packet::mask{}, static_cast<unsigned short>(-1)));
#endif
  } else {
    std::uint32_t words[2];
    std::memcpy(words, from, sizeof words);
    const packet::bits low = packet::bits{} + words[0], high = packet::bits{} + words[1];
    return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31) >>
           packet::bits{4, 0, 12, 8, 20, 16, 28, 24, 4, 0, 12, 8, 20, 16, 28, 24};
  }
#elif MANGO_WIDE_CODES
  if constexpr (Bits == 8) {
#if defined(__clang__)
    unsigned char __attribute__((vector_size(8))) bytes;
    std::memcpy(&bytes, from, sizeof bytes);
    return __builtin_convertvector(bytes, packet::bits);
#else
    long long word;
    std::memcpy(&word, from, sizeof word);
    const long long __attribute__((vector_size(16))) pair = {word, 0};
    return as_bits(__builtin_ia32_pmovzxbd256(__builtin_bit_cast(char __attribute__((vector_size(16))), pair)));
#endif
  } else {
    std::uint32_t word; std::memcpy(&word, from, sizeof word);
    return (packet::bits{} + word) >> packet::bits{4, 0, 12, 8, 20, 16, 28, 24};
  }
#else
  packet::bits codes;
  for (int i = 0; i < MANGO_LANES; ++i) codes[i] = code_at<Bits>(from, static_cast<std::size_t>(i));
  return codes;
#endif
}

#if MANGO_LANES == 16
// The lower byte of every integer of a vector, of which there are N
template <std::size_t N, class V> MANGO_INLINE void narrow(std::uint8_t* to, V x) {
#if defined(__clang__)
  const auto bytes = __builtin_convertvector(x, std::uint8_t __attribute__((vector_size(N))));
#else  // g++ sees the instruction in this only when it stands alone
  typedef char sixteen __attribute__((vector_size(16)));
  sixteen bytes;
  if constexpr (N == 16) bytes = __builtin_ia32_pmovdb512_mask(as_ints(x), sixteen{}, static_cast<unsigned short>(-1));
  else
    bytes = __builtin_ia32_pmovqb512_mask(__builtin_bit_cast(long long __attribute__((vector_size(64))), x), sixteen{},
                                          static_cast<unsigned char>(-1));
#endif
  std::memcpy(to, &bytes, N);
}
#endif

/// Writes packet k of the codes at `to`. Upper bits do not matter.
template <int Bits> MANGO_INLINE void save_codes(std::uint8_t* to, std::size_t k, packet::bits code) {
  to += k * MANGO_LANES * Bits / 8;
#if MANGO_WIDE_CODES
  typedef std::uint64_t pairs __attribute__((vector_size(4 * MANGO_LANES)));
  if constexpr (Bits == 4) {  // the first of two into the byte of the second: the lower byte of every pair
    const pairs both = __builtin_bit_cast(pairs, code & 15u);
    code = __builtin_bit_cast(packet::bits, both << 4 | both >> 32);
  }
#if MANGO_LANES == 16
  if constexpr (Bits == 8) {
    narrow<16>(to, code);
  } else {
    narrow<8>(to, __builtin_bit_cast(pairs, code));
  }
#else
  const auto all = __builtin_bit_cast(std::uint8_t __attribute__((vector_size(32))), code);
  if constexpr (Bits == 8) {
    const auto narrow = __builtin_bit_cast(
        packet::bits, __builtin_shufflevector(all, all, 0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 16,
                                              20, 24, 28, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1));
    const std::uint32_t words[2] = {narrow[0], narrow[4]};
    std::memcpy(to, words, sizeof words);
  } else {
    typedef std::uint16_t halves_of __attribute__((vector_size(4 * MANGO_LANES)));
    const auto narrow = __builtin_bit_cast(
        halves_of, __builtin_shufflevector(all, all, 0, 8, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 16,
                                           24, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1));
    const std::uint16_t words[2] = {narrow[0], narrow[8]};
    std::memcpy(to, words, sizeof words);
  }
#endif
#else
  std::uint32_t each[MANGO_LANES];
  for (int i = 0; i < MANGO_LANES; ++i) each[i] = code[i];
  write_codes<Bits>(to, MANGO_LANES, each);
#endif
}
#undef MANGO_WIDE_CODES
#endif
}  // namespace detail

}  // namespace mango
