#pragma once
// Counter-based random numbers: a pure function of (seed, tensor, step, element), so nothing random is ever stored and
// every backend, thread count and chunking sees the same numbers.
#include <cstring>
#include <string_view>
#include <utility>

#include "mango/core/packet.hpp"

namespace mango::inline MANGO_ABI {

/// 32-bit FNV-1a of a tensor's name: its identity in random streams, whatever the order of registration.
constexpr std::uint32_t name_hash(std::string_view name) {
  std::uint32_t h = 2166136261u;
  for (const char c : name) h = (h ^ static_cast<unsigned char>(c)) * 16777619u;
  return h;
}

/// What a stream of random numbers depends on. Two streams that differ in any field are independent.
struct philox_key {
  std::uint64_t seed = 0;
  std::uint32_t tensor = 0;  ///< name_hash of the tensor
  std::uint32_t epoch = 0;   ///< the step, or another counter of redraws
  std::uint8_t stream = 0;   ///< which use within the tensor: a slot's index, or a tag
};

/// 128 bits: a counter, or what a block cipher makes of one.
struct philox_block {
  std::uint32_t word[4];
  template <class Index> MANGO_HD constexpr std::uint32_t operator[](Index i) const { return word[i]; }
  friend constexpr bool operator==(const philox_block&, const philox_block&) = default;
};

/// Philox4x32-10, one block: 128 random bits from a 128-bit counter and a 64-bit key.
/// Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"; constants of section 3.3.
MANGO_HD constexpr philox_block philox4x32(philox_block c, std::uint32_t k0, std::uint32_t k1) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * c[0], b = std::uint64_t{0xCD9E8D57u} * c[2];
    c = {{static_cast<std::uint32_t>(b >> 32) ^ c[1] ^ k0, static_cast<std::uint32_t>(b),
          static_cast<std::uint32_t>(a >> 32) ^ c[3] ^ k1, static_cast<std::uint32_t>(a)}};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return c;
}

/// Block `b` of a stream: the counter is (b, tensor, epoch, stream and the upper bits of b), the key is the seed.
MANGO_HD constexpr philox_block random_block(const philox_key& k, std::uint64_t b) {
  return philox4x32({{static_cast<std::uint32_t>(b), k.tensor, k.epoch,
                      static_cast<std::uint32_t>(k.stream) | static_cast<std::uint32_t>(b >> 32) << 8}},
                    static_cast<std::uint32_t>(k.seed), static_cast<std::uint32_t>(k.seed >> 32));
}

/// 16 random bits for one element. Every 64 elements share 16 words (4 blocks): the first 32 take the halves of the
/// words, lower half first, the others the halves of the words rotated by a byte. So two elements 31 to 33 apart may
/// have a byte in common, the upper one of one and the lower one of the other: each is uniform, their correlation is
/// 2^-8, and a rounded tensor costs half the random words.
MANGO_HD constexpr std::uint32_t random16(const philox_key& k, index_t e) {
  const auto place = static_cast<std::uint32_t>(e % 64), word = place % 32 / 2;
  const std::uint32_t x = random_block(k, static_cast<std::uint64_t>(e) / 64 * 4 + word / 4)[word % 4];
  const std::uint32_t turned = place < 32 ? x : x >> 8 | x << 24;
  return place % 2 == 0 ? turned & 0xffffu : turned >> 16;
}

/// out[i] = random16(k, first + i) for N elements, 1, 2, 4 or 8, of one block; `first` is a multiple of N.
template <int N> MANGO_HD void random16_run(const philox_key& k, index_t first, std::uint16_t* out) {
  const auto place = static_cast<std::uint32_t>(first % 64), word = place % 32 / 2;
  const philox_block b = random_block(k, static_cast<std::uint64_t>(first) / 64 * 4 + word / 4);
  for (std::uint32_t i = 0; i < (N + 1) / 2; ++i) {
    std::uint32_t x = b.word[i];  // never at an index that is known only when it runs
    if (N < 8 && word % 4 >= 2) x = b.word[(i + 2) % 4];
    if (N < 4 && word % 2 == 1) x = word % 4 == 1 ? b.word[1] : b.word[3];
    const std::uint32_t turned = place < 32 ? x : x >> 8 | x << 24;
    if constexpr (N == 1) out[0] = static_cast<std::uint16_t>(place % 2 == 0 ? turned & 0xffffu : turned >> 16);
    else {
      out[2 * i] = static_cast<std::uint16_t>(turned & 0xffffu);
      out[2 * i + 1] = static_cast<std::uint16_t>(turned >> 16);
    }
  }
}

#if MANGO_LANES > 1
namespace detail {
typedef std::uint64_t wide __attribute__((vector_size(4 * MANGO_LANES)));

// the products of the lower halves, 64 bits each
MANGO_INLINE wide multiply(wide x, std::uint32_t m) {
  // g++ 12 does not see that the upper halves are zero, and would multiply them too
#if MANGO_LANES == 16 && !defined(__clang__)
  typedef long long quads __attribute__((vector_size(4 * MANGO_LANES)));
  return __builtin_bit_cast(wide, __builtin_ia32_pmuludq512_mask(__builtin_bit_cast(packet::mask, x),
                                                                 __builtin_bit_cast(packet::mask, wide{} + m), quads{},
                                                                 static_cast<unsigned char>(0xff)));
#elif MANGO_LANES == 8 && defined(__AVX2__) && !defined(__clang__)
  return __builtin_bit_cast(wide, __builtin_ia32_pmuludq256(__builtin_bit_cast(packet::mask, x),
                                                            __builtin_bit_cast(packet::mask, wide{} + m)));
#elif MANGO_LANES == 4 && defined(__SSE2__) && !defined(__clang__)
  return __builtin_bit_cast(wide, __builtin_ia32_pmuludq128(__builtin_bit_cast(packet::mask, x),
                                                            __builtin_bit_cast(packet::mask, wide{} + m)));
#else
  return (x & 0xffffffffu) * (wide{} + m);
#endif
}

// the even 64-bit lanes of a and b, alternating, or the odd ones
template <std::size_t Odd, std::size_t... I> MANGO_INLINE wide zip(wide a, wide b, std::index_sequence<I...>) {
  return __builtin_shufflevector(a, b, (I / 2 * 2 + Odd + (I % 2) * sizeof...(I))...);
}

// Half of MANGO_LANES blocks. A word has 64 bits to itself, whose upper ones are anything: a product is then two words
// of the next round without a shuffle.
struct random_blocks {
  wide c0, c1, c2, c3;

  MANGO_INLINE random_blocks(const philox_key& key, std::uint64_t block)
      : c0(wide{} + block + places(std::make_index_sequence<MANGO_LANES / 2>{})),
        c1(wide{} + key.tensor),
        c2(wide{} + key.epoch),
        c3(c0 >> 32 << 8 | key.stream) {}
  MANGO_INLINE void round(wide k0, wide k1) {
    const wide a = multiply(c0, 0xD2511F53u), b = multiply(c2, 0xCD9E8D57u);
    c0 = (b >> 32) ^ c1 ^ k0;
    c2 = (a >> 32) ^ c3 ^ k1;
    c1 = b;
    c3 = a;
  }
  // the first blocks are in even lanes, so that put() keeps their order
  template <std::size_t... I> static constexpr wide places(std::index_sequence<I...>) {
    return wide{(I % 2 * (sizeof...(I) / 2) + I / 2)...};
  }
  // the words from `first` on, and what they are turned by a byte
  MANGO_INLINE void put(std::uint16_t* out, std::size_t first) const {
    constexpr auto each = std::make_index_sequence<MANGO_LANES / 2>{};
    const wide front = (c0 & 0xffffffffu) | c1 << 32, back = (c2 & 0xffffffffu) | c3 << 32;
    put(out, first, zip<0>(front, back, each));
    put(out, first + MANGO_LANES, zip<1>(front, back, each));
  }
  MANGO_INLINE static void put(std::uint16_t* out, std::size_t first, wide x) {
    const auto words = __builtin_bit_cast(packet::bits, x);
    const packet::bits turned = words >> 8 | words << 24;
    std::uint16_t* const to = out + first / 16 * 64 + first % 16 * 2;
    std::memcpy(to, &words, sizeof words);
    std::memcpy(to + 32, &turned, sizeof turned);
  }
};

// MANGO_LANES blocks at once; out gets the bits of the 16 MANGO_LANES elements they serve
MANGO_INLINE void random_packet(const philox_key& key, std::uint64_t block, std::uint16_t* out) {
  random_blocks low(key, block), high(key, block + MANGO_LANES / 2);
  auto k0 = static_cast<std::uint32_t>(key.seed), k1 = static_cast<std::uint32_t>(key.seed >> 32);
  for (int round = 0; round < 10; ++round) {
    low.round(wide{} + k0, wide{} + k1);
    high.round(wide{} + k0, wide{} + k1);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  low.put(out, 0);
  high.put(out, 2 * MANGO_LANES);
}
}  // namespace detail
#endif

/// out[i] = random16(k, first + i) for N elements; `first` and N are multiples of 64. On the host, blocks run side by
/// side in the lanes of packets.
template <std::size_t N> MANGO_INLINE void fill_random16(const philox_key& key, index_t first, std::uint16_t* out) {
  static_assert(N % 64 == 0, "mango: 64 elements share their random words");
#if MANGO_LANES > 1 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  constexpr std::size_t side_by_side = 16 * MANGO_LANES, whole = N / side_by_side * side_by_side;
  for (std::size_t i = 0; i < whole; i += side_by_side)
    detail::random_packet(key, (static_cast<std::uint64_t>(first) + i) / 16, out + i);
#else
  constexpr std::size_t whole = 0;
#endif
  for (std::size_t i = whole; i < N; i += 2) {
    // the two halves of a word
    const std::uint32_t word = static_cast<std::uint32_t>(i % 32 / 2);
    const std::uint32_t x = random_block(key, (static_cast<std::uint64_t>(first) + i) / 64 * 4 + word / 4)[word % 4];
    const std::uint32_t turned = i % 64 < 32 ? x : x >> 8 | x << 24;
    out[i] = static_cast<std::uint16_t>(turned & 0xffffu);
    out[i + 1] = static_cast<std::uint16_t>(turned >> 16);
  }
}

}  // namespace mango
