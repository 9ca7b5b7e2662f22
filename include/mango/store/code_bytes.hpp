#pragma once
// Codes in memory: one byte each, or two to a byte, the first in its upper half. To packets they are T-wide integers.
#include <cstring>
#include <type_traits>

#include "mango/core/integers.hpp"

namespace mango::inline MANGO_ABI {

namespace detail {
// The last bytes of a tensor's codes, for code that reads and writes whole packets.
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

// Code k of those at `from`, which are single numbers here; upper bits may be anything.
template <int Bits> MANGO_HD std::uint32_t code_at(const std::uint8_t* from, std::size_t k) {
  if constexpr (Bits == 8) return from[k];
  else return static_cast<std::uint32_t>(from[k / 2]) >> (k % 2 == 0 ? 4 : 0);
}

// The bytes of a few codes as one word. A device reads and writes it at once: codes of the members of a team start at
// multiples of their size there
template <std::size_t Bytes>
using code_word = std::conditional_t<
    Bytes == 8, std::uint64_t,
    std::conditional_t<Bytes == 4, std::uint32_t, std::conditional_t<Bytes == 2, std::uint16_t, std::uint8_t>>>;
template <class Word> MANGO_HD Word load_word(const std::uint8_t* from) {
#if defined(__CUDA_ARCH__)
  return *reinterpret_cast<const Word*>(from);
#else
  Word w;
  std::memcpy(&w, from, sizeof w);
  return w;
#endif
}
template <class Word> MANGO_HD void save_word(std::uint8_t* to, Word w) {
#if defined(__CUDA_ARCH__)
  *reinterpret_cast<Word*>(to) = w;
#else
  std::memcpy(to, &w, sizeof w);
#endif
}
// where code k of a word is
template <int Bits> MANGO_HD constexpr unsigned code_shift(std::size_t k) {
  return static_cast<unsigned>(Bits == 8 ? 8 * k : 8 * (k / 2) + (k % 2 == 0 ? 4 : 0));
}

// N codes, single numbers, into `code`, of which `here` exist; upper bits of those of four bits may be anything.
template <int Bits, std::size_t N>
MANGO_HD void read_codes(const std::uint8_t* from, int here, std::uint32_t (&code)[N]) {
  constexpr std::size_t bytes = N * Bits / 8;
  if constexpr (bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8) {
    if (here >= static_cast<int>(N)) {
      const auto word = load_word<code_word<bytes>>(from);
      for (std::size_t k = 0; k < N; ++k) {
        code[k] = static_cast<std::uint32_t>(word >> code_shift<Bits>(k));
        if constexpr (Bits == 8) code[k] &= 255u;
      }
      return;
    }
  }
  for (std::size_t k = 0; k < N; ++k) code[k] = static_cast<int>(k) < here ? code_at<Bits>(from, k) : 0u;
}
// Writes codes, single numbers: the first `here` of N. Upper bits do not matter.
template <int Bits, std::size_t N>
MANGO_HD void write_codes(std::uint8_t* to, int here, const std::uint32_t (&code)[N]) {
  constexpr std::size_t bytes = N * Bits / 8;
  if constexpr (bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8) {
    if (here >= static_cast<int>(N)) {
      code_word<bytes> word = 0;
      for (std::size_t k = 0; k < N; ++k)
        word = static_cast<code_word<bytes>>(word | static_cast<code_word<bytes>>(code[k] & ((1u << Bits) - 1))
                                                        << code_shift<Bits>(k));
      save_word(to, word);
      return;
    }
  }
  if constexpr (Bits == 8) {
    for (std::size_t k = 0; k < N; ++k)
      if (static_cast<int>(k) < here) to[k] = static_cast<std::uint8_t>(code[k]);
  } else {
    for (std::size_t k = 0; k < N; k += 2)
      if (static_cast<int>(k) < here) to[k / 2] = static_cast<std::uint8_t>(code[k] << 4 | (code[k + 1] & 15u));
  }
}

#if MANGO_LANES > 1
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && (MANGO_LANES == 16 || (MANGO_LANES == 8 && defined(__AVX2__)))
#define MANGO_WIDE_CODES 1
#else
#define MANGO_WIDE_CODES 0
#endif

#if MANGO_WIDE_CODES
MANGO_INLINE packet::bits load_bytes(const std::uint8_t* from) {
#if defined(__clang__)
  std::uint8_t __attribute__((vector_size(MANGO_LANES))) bytes;
  std::memcpy(&bytes, from, sizeof bytes);
  return __builtin_convertvector(bytes, packet::bits);
#else  // g++ 12 would do that byte by byte
  typedef char sixteen __attribute__((vector_size(16)));
#if MANGO_LANES == 16
  sixteen bytes;
  std::memcpy(&bytes, from, sizeof bytes);
  return as_bits(__builtin_ia32_pmovzxbd512_mask(bytes, packet::mask{}, static_cast<unsigned short>(-1)));
#else
  typedef long long two __attribute__((vector_size(16)));
  long long eight;
  std::memcpy(&eight, from, sizeof eight);
  return as_bits(__builtin_ia32_pmovzxbd256(__builtin_bit_cast(sixteen, two{eight, 0})));
#endif
#endif
}
// upper bits are those of other codes
MANGO_INLINE packet::bits load_nibbles(const std::uint8_t* from) {
#if MANGO_LANES == 16
  std::uint32_t words[2];
  std::memcpy(words, from, sizeof words);
  const packet::bits low = packet::bits{} + words[0], high = packet::bits{} + words[1];
  return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31) >>
         packet::bits{4, 0, 12, 8, 20, 16, 28, 24, 4, 0, 12, 8, 20, 16, 28, 24};
#else
  std::uint32_t word;
  std::memcpy(&word, from, sizeof word);
  return (packet::bits{} + word) >> packet::bits{4, 0, 12, 8, 20, 16, 28, 24};
#endif
}
#endif

template <int Bits, std::size_t... Lane>
MANGO_INLINE packet::bits codes_at(const std::uint8_t* from, std::index_sequence<Lane...>) {
  return packet::bits{code_at<Bits>(from, Lane)...};
}

// Packet k of the codes at `from`; upper bits may be anything
template <int Bits> MANGO_INLINE packet::bits load_codes(const std::uint8_t* from, std::size_t k) {
  from += k * MANGO_LANES * Bits / 8;
#if MANGO_WIDE_CODES
  if constexpr (Bits == 8) return load_bytes(from);
  else return load_nibbles(from);
#else
  return codes_at<Bits>(from, std::make_index_sequence<MANGO_LANES>{});
#endif
}

#if MANGO_WIDE_CODES
typedef std::uint8_t code_bytes __attribute__((vector_size(4 * MANGO_LANES)));
typedef std::uint16_t code_words __attribute__((vector_size(4 * MANGO_LANES)));
typedef std::uint64_t code_pairs __attribute__((vector_size(4 * MANGO_LANES)));

// Byte k of word i to byte i of word k, in every four words
template <std::size_t... I> MANGO_INLINE code_bytes transpose_bytes(code_bytes x, std::index_sequence<I...>) {
  return __builtin_shufflevector(x, x, static_cast<int>(I / 16 * 16 + I % 4 * 4 + I / 4 % 4)...);
}
// Byte k of the lower word of both pairs in every four words to the k-th two bytes
template <std::size_t... I> MANGO_INLINE code_bytes zip_bytes(code_bytes x, std::index_sequence<I...>) {
  return __builtin_shufflevector(x, x, static_cast<int>(I / 16 * 16 + I % 2 * 8 + I / 2 % 4)...);
}
// `Apart` elements from each of several: the first of all, then the second of all, ...
template <std::size_t Apart, class V, std::size_t... I> MANGO_INLINE V gather(V x, std::index_sequence<I...>) {
  constexpr std::size_t groups = MANGO_LANES / 4;
  return __builtin_shufflevector(x, x, static_cast<int>(I % groups * Apart + I / groups % Apart)...);
}

// Up to four packets at once: the codes of one lane in the bytes of that lane, then all bytes to their places
template <int Bits, std::size_t Packets> MANGO_INLINE void save_wide(std::uint8_t* to, const packet::bits* code) {
  packet::bits four = code[0] >> 16 & 255u;
  if constexpr (Packets > 1) four |= code[1] >> 8 & 0xff00u;
  if constexpr (Packets > 2) four |= code[2] & 0xff0000u;
  if constexpr (Packets > 3) four |= code[3] << 8 & 0xff000000u;
  constexpr auto bytes = std::make_index_sequence<4 * MANGO_LANES>{};
  if constexpr (Bits == 8) {
    const auto words = __builtin_bit_cast(packet::bits, transpose_bytes(__builtin_bit_cast(code_bytes, four), bytes));
    const auto all = gather<4>(words, std::make_index_sequence<MANGO_LANES>{});
    std::memcpy(to, &all, Packets * MANGO_LANES);
  } else {  // the first of two into the byte of the second
    const auto pairs = __builtin_bit_cast(code_pairs, four & 0x0f0f0f0fu);
    const auto zipped = zip_bytes(__builtin_bit_cast(code_bytes, pairs << 4 | pairs >> 32), bytes);
    const auto all = gather<8>(__builtin_bit_cast(code_words, zipped), std::make_index_sequence<2 * MANGO_LANES>{});
    std::memcpy(to, &all, Packets * MANGO_LANES / 2);
  }
}
#endif

#if MANGO_LANES == 4 && defined(__SSE2__)
// SSE2 narrows with saturation only: first to what fits
template <int Bits> MANGO_INLINE void save_four(std::uint8_t* to, const packet::bits* code) {
  const auto low = __builtin_ia32_packssdw128(as_ints(code[0] >> 16 & 255u), as_ints(code[1] >> 16 & 255u));
  const auto high = __builtin_ia32_packssdw128(as_ints(code[2] >> 16 & 255u), as_ints(code[3] >> 16 & 255u));
  auto all = __builtin_ia32_packuswb128(low, high);
  if constexpr (Bits == 4) {
    typedef std::uint16_t words __attribute__((vector_size(16)));
    const words two = __builtin_bit_cast(words, all), both = (two << 4 | (two >> 8 & 15)) & 255;
    all = __builtin_ia32_packuswb128(__builtin_bit_cast(decltype(low), both), __builtin_bit_cast(decltype(low), both));
  }
  std::memcpy(to, &all, 16 * Bits / 8);
}
#endif

// Writes Packets packets of codes, at most four, each from bit 16 of a lane on; other bits do not matter
template <int Bits, std::size_t Packets> MANGO_INLINE void save_codes(std::uint8_t* to, const packet::bits* code) {
  static_assert(Packets <= 4);
#if MANGO_WIDE_CODES
  save_wide<Bits, Packets>(to, code);
#elif MANGO_LANES == 4 && defined(__SSE2__)
  static_assert(Packets == 4);
  save_four<Bits>(to, code);
#else
  for (std::size_t k = 0; k < Packets; ++k) {
    std::uint32_t each[MANGO_LANES];
    for (int i = 0; i < MANGO_LANES; ++i) each[i] = code[k][i] >> 16;
    write_codes<Bits>(to + k * MANGO_LANES * Bits / 8, MANGO_LANES, each);
  }
#endif
}
#undef MANGO_WIDE_CODES
#else
template <int Bits> MANGO_HD packet::bits load_codes(const std::uint8_t* from, std::size_t k) {
  return code_at<Bits>(from, k);
}
#endif
}  // namespace detail

}  // namespace mango
