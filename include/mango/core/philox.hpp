#pragma once
// Counter-based random numbers: a pure function of (seed, tensor, step, element), so nothing random is ever stored and
// every backend, thread count and chunking sees the same numbers.
#include <string_view>

#include "mango/core/types.hpp"

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

/// 16 random bits for one element: half e%8 of block e/8, lower half of each word first.
MANGO_HD constexpr std::uint32_t random16(const philox_key& k, index_t e) {
  const auto word = random_block(k, static_cast<std::uint64_t>(e) / 8)[e / 2 % 4];
  return e % 2 == 0 ? word & 0xffffu : word >> 16;
}

/// out[i] = random16(k, first + i) for 8 * Blocks elements; `first` is a multiple of 8. Blocks run side by side in the
/// lanes of a vector: the inner loops have a constant trip count, which compilers vectorise from -O2 on.
template <std::size_t Blocks>
MANGO_INLINE void fill_random16(const philox_key& key, index_t first, std::uint16_t* out) {
  std::uint32_t c0[Blocks], c1[Blocks], c2[Blocks], c3[Blocks];
  const auto block = static_cast<std::uint64_t>(first) / 8;
  for (std::size_t i = 0; i < Blocks; ++i) {
    const std::uint64_t b = block + i;
    c0[i] = static_cast<std::uint32_t>(b);
    c1[i] = key.tensor;
    c2[i] = key.epoch;
    c3[i] = static_cast<std::uint32_t>(key.stream) | static_cast<std::uint32_t>(b >> 32) << 8;
  }
  auto k0 = static_cast<std::uint32_t>(key.seed), k1 = static_cast<std::uint32_t>(key.seed >> 32);
  for (int round = 0; round < 10; ++round) {
    for (std::size_t i = 0; i < Blocks; ++i) {
      const std::uint64_t a = std::uint64_t{0xD2511F53u} * c0[i], b = std::uint64_t{0xCD9E8D57u} * c2[i];
      c0[i] = static_cast<std::uint32_t>(b >> 32) ^ c1[i] ^ k0;
      c1[i] = static_cast<std::uint32_t>(b);
      c2[i] = static_cast<std::uint32_t>(a >> 32) ^ c3[i] ^ k1;
      c3[i] = static_cast<std::uint32_t>(a);
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  for (std::size_t i = 0; i < Blocks; ++i) {
    const std::uint32_t words[4] = {c0[i], c1[i], c2[i], c3[i]};
    for (std::size_t w = 0; w < 4; ++w) {
      out[8 * i + 2 * w] = static_cast<std::uint16_t>(words[w] & 0xffffu);
      out[8 * i + 2 * w + 1] = static_cast<std::uint16_t>(words[w] >> 16);
    }
  }
}

}  // namespace mango
