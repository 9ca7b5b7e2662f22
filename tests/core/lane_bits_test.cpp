// core/lane_bits.hpp: masks to bits and back, and a comparison's bits
#include "mango/core/lane_bits.hpp"

#include <doctest/doctest.h>

#include "mango/core/math.hpp"
#include "support/compare.hpp"

using namespace mango;

namespace {

constexpr std::uint32_t every = (std::uint32_t{1} << packet::lanes) - 1;

// 1 in the lanes of the mask, 0 elsewhere
packet shown(packet::mask m) { return math::select(m, packet(1.0f), packet(0.0f)); }

}  // namespace

TEST_CASE("core lane_bits: lane i of a mask is bit i, for every pattern") {
  int wrong = 0;
  for (std::uint32_t bits = 0; bits <= every; ++bits) {
    const packet x = shown(lanes_with(bits));
    for (int i = 0; i < packet::lanes; ++i) wrong += x[i] != static_cast<float>(bits >> i & 1);
    wrong += bits_of(lanes_with(bits)) != bits;
  }
  CHECK(wrong == 0);
}

TEST_CASE("core lane_bits: bits above the lanes are not looked at, and none come back") {
  for (const std::uint32_t high : {~every, every << packet::lanes, 0xffff0000u & ~every}) {
    CHECK(bits_of(lanes_with(high)) == 0);
    CHECK(bits_of(lanes_with(high | 1)) == 1);
    CHECK(bits_of(lanes_with(high | every)) == every);
  }
}

TEST_CASE("core lane_bits: a comparison's bits are its lanes: zeros of both signs are not positive") {
  const float values[] = {1.0f, -1.0f, 0.0f, -0.0f, 0x1p-149f, -0x1p-149f, 3e38f, -3e38f};
  for (int turn = 0; turn < 8; ++turn) {
    packet x(0.0f);
    std::uint32_t expected = 0;
    for (int i = 0; i < packet::lanes; ++i) {
      const float v = values[(i + turn) % 8];
      x.set(i, v);
      expected |= static_cast<std::uint32_t>(v > 0) << i;
    }
    CHECK(bits_of(x > packet(0.0f)) == expected);
    CHECK(positive_bits(x) == expected);
  }
}

TEST_CASE("core lane_bits: a bit keeps the sign of its lane, and the others are turned") {
  for (const std::uint32_t bits : {0u, 1u, every, 0x5555u & every, ~0u}) {
    packet x(0.0f);
    for (int i = 0; i < packet::lanes; ++i) x.set(i, i % 3 == 0 ? 0.0f : static_cast<float>(i - 4));
    const packet y = with_signs(bits, x);
    int wrong = 0;
    for (int i = 0; i < packet::lanes; ++i)
      wrong += support::bits_of(y[i]) != support::bits_of((bits >> i & 1) != 0 ? x[i] : -x[i]);
    CHECK(wrong == 0);
  }
}

TEST_CASE("core lane_bits: the first lanes, from none to all") {
  for (int count = 0; count <= packet::lanes; ++count)
    CHECK(bits_of(first_lanes(count)) == (std::uint32_t{1} << count) - 1);
}

TEST_CASE("core lane_bits: what is below a bound, as numbers without sign") {
  const std::uint32_t values[] = {0, 1, 7, 8, 9, 0x7fffffff, 0x80000000, 0xffffffff};
  for (const std::uint32_t bound : {0u, 1u, 8u, 9u << 16, 0x80000000u, 0xffffffffu})
    for (int turn = 0; turn < 8; ++turn) {
      packet::bits x{};
      std::uint32_t expected = 0;
      for (int i = 0; i < packet::lanes; ++i) {
        x[i] = values[(i + turn) % 8];
        expected |= static_cast<std::uint32_t>(values[(i + turn) % 8] < bound) << i;
      }
      CHECK(bits_below(x, bound) == expected);
    }
}
