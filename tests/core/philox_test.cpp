// core/philox.hpp: the published known answers, and that every part of a key matters
#include "mango/core/philox.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <vector>

using namespace mango;

namespace {

using block = mango::philox_block;

// How many of n elements two streams have in common; independent ones about n / 65536.
int common(const philox_key& a, const philox_key& b, index_t n) {
  int same = 0;
  for (index_t e = 0; e < n; ++e) same += random16(a, e) == random16(b, e);
  return same;
}

template <std::size_t N> int mismatches(const philox_key& key, index_t first) {
  std::uint16_t filled[N];
  fill_random16<N>(key, first, filled);
  int wrong = 0;
  for (std::size_t i = 0; i < N; ++i) wrong += filled[i] != random16(key, first + static_cast<index_t>(i));
  return wrong;
}

}  // namespace

// Random123, kat_vectors, philox4x32 10.
static_assert(philox4x32({{0, 0, 0, 0}}, 0, 0) == block{{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u}});
static_assert(philox4x32({{0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu}}, 0xffffffffu, 0xffffffffu) ==
              block{{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu}});

TEST_CASE("core philox: the known answers of Random123") {
  CHECK(philox4x32({{0, 0, 0, 0}}, 0, 0) == block{{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u}});
  CHECK(philox4x32({{0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu}}, 0xffffffffu, 0xffffffffu) ==
        block{{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu}});
  CHECK(philox4x32({{0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}}, 0xa4093822u, 0x299f31d0u) ==
        block{{0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u}});
}

TEST_CASE("core philox: the counter is block, tensor, epoch, stream and the key is the seed") {
  const philox_key key{
      .seed = 0x299f31d0a4093822u, .tensor = 0x85a308d3u, .epoch = 0x13198a2eu, .stream = 0x44};  // digits of pi
  CHECK(random_block(key, 0x00037073243f6a88u) == block{{0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u}});
}

TEST_CASE("core philox: 64 elements share 16 words, first their halves, then their halves rotated by a byte") {
  const philox_key key{.seed = 5, .tensor = 6, .epoch = 7, .stream = 8};
  for (const index_t group : {index_t{0}, index_t{1}, index_t{1234567}, index_t{1} << 33}) {
    std::uint32_t words[16];
    for (int w = 0; w < 16; ++w)
      words[w] = random_block(key, static_cast<std::uint64_t>(group) * 4 + static_cast<std::uint64_t>(w / 4))[w % 4];
    for (int i = 0; i < 32; ++i) {
      const std::uint32_t word = words[i / 2], turned = std::rotr(word, 8);
      CHECK(random16(key, group * 64 + i) == (i % 2 ? word >> 16 : word & 0xffffu));
      CHECK(random16(key, group * 64 + 32 + i) == (i % 2 ? turned >> 16 : turned & 0xffffu));
    }
  }
}

TEST_CASE("core philox: elements that have a byte in common are hardly correlated") {
  constexpr index_t n = 1 << 16;
  for (const index_t apart : {index_t{1}, index_t{31}, index_t{32}, index_t{33}}) {
    double sum = 0;
    for (index_t e = 0; e < n; ++e) {
      const auto centred = [&](index_t at) { return (random16({.seed = 3}, at) + 0.5) / 65536 - 0.5; };
      sum += centred(e) * centred(e + apart);
    }
    CAPTURE(apart);
    CHECK(std::abs(sum / n * 12) < 1.0 / 256 + 4 / std::sqrt(static_cast<double>(n)));
  }
}

TEST_CASE("core philox: filling gives what asking for each element gives") {
  const philox_key key{.seed = 0x0123456789abcdefu, .tensor = name_hash("w"), .epoch = 41, .stream = 0x80};
  const index_t past_32_bits = index_t{1} << 36;  // where the number of the block no longer fits in 32 bits
  for (const index_t first : {index_t{0}, index_t{64}, index_t{128}, index_t{65536}, index_t{65536 * 3 + 64},
                              past_32_bits - 64, past_32_bits, past_32_bits + 64, index_t{1} << 40}) {
    CAPTURE(first);
    CHECK(mismatches<64>(key, first) == 0);
    CHECK(mismatches<128>(key, first) == 0);
    CHECK(mismatches<512>(key, first) == 0);
    CHECK(mismatches<832>(key, first) == 0);
  }
}

TEST_CASE("core philox: streams that differ in any part of the key are different") {
  const philox_key key{.seed = 1, .tensor = 2, .epoch = 3, .stream = 4};
  std::vector<philox_key> others(6, key);
  others[0].seed = 2;
  others[1].seed = std::uint64_t{1} << 32 | 1;
  others[2].tensor = 3;
  others[3].epoch = 4;
  others[4].stream = 5;
  others[5].stream = 0x84;
  for (const auto& other : others) CHECK(common(key, other, 1 << 16) < 10);
  CHECK(common(key, key, 100) == 100);
  int repeated = 0;  // and a stream does not repeat itself when the block's number passes 32 bits
  for (index_t e = 0; e < 1 << 12; ++e) repeated += random16(key, e) == random16(key, e + (index_t{1} << 36));
  CHECK(repeated < 6);
}

TEST_CASE("core philox: every bit is as often one as zero") {
  constexpr int n = 100000;
  std::uint32_t ones[16] = {}, seen = 0;
  double mean = 0;
  for (index_t e = 0; e < n; ++e) {
    const std::uint32_t x = random16({.seed = 9}, e);
    seen |= x;
    mean += x / static_cast<double>(n);
    for (int bit = 0; bit < 16; ++bit) ones[bit] += x >> bit & 1u;
  }
  CHECK(seen == 0xffffu);
  for (const std::uint32_t count : ones) CHECK(std::abs(count - n / 2.0) < 5 * std::sqrt(n) / 2);
  CHECK(std::abs(mean - 32767.5) < 5 * 65536 / std::sqrt(12.0 * n));
}

// The FNV test vectors of Fowler, Noll & Vo.
static_assert(name_hash("") == 0x811c9dc5u && name_hash("a") == 0xe40c292cu && name_hash("foobar") == 0xbf9cf968u);
static_assert(name_hash("\xff") == (2166136261u ^ 0xffu) * 16777619u, "bytes are unsigned, whatever char is");
