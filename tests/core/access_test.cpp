// core/access.hpp: whole packets, the last few elements, one element; and not a byte more
#include "mango/core/access.hpp"

#include <doctest/doctest.h>

#include "support/compare.hpp"
#include "support/guarded.hpp"
#include "support/random.hpp"

using namespace mango;
using support::bits_of;
using support::guarded;

namespace {

constexpr auto lanes = static_cast<std::size_t>(packet::lanes);

packet counting() {
  packet x;
  for (int k = 0; k < packet::lanes; ++k) x.set(k, 1.5f + static_cast<float>(k));
  return x;
}

// Saves `count` lanes at element 3 of an array that has exactly that many more, then loads them.
template <class At> void check_position(At at, std::size_t count, std::size_t past) {
  CAPTURE(count);
  CAPTURE(past);
  guarded<float> floats(3 + count, past);
  guarded<bfloat16> halves(3 + count, past);
  const packet x = counting();
  save(floats.data(), at, x);
  save_halves(halves.data(), at, to_bits(x) >> 16);
  CHECK(floats.check());
  CHECK(halves.check());
  for (std::size_t i = 0; i < 3; ++i) CHECK(bits_of(floats[i]) + halves[i].bits == 0);

  const packet read = load(floats.data(), at), read_halves = load(halves.data(), at);
  for (std::size_t k = 0; k < lanes; ++k) {
    const int lane = static_cast<int>(k);
    const std::uint32_t expected = k < count ? bits_of(x[lane]) : 0;  // the rest reads as +0
    CHECK(bits_of(read[lane]) == expected);
    CHECK(bits_of(read_halves[lane]) == (expected & 0xffff0000u));
    if (k < count) CHECK(bits_of(floats[3 + k]) == expected);
  }
}

}  // namespace

TEST_CASE("core access: a whole packet") {
  for (std::size_t past = 0; past < 16; ++past) check_position(whole{3}, lanes, past);
}

TEST_CASE("core access: the last few elements") {
  for (std::size_t past = 0; past < 16; ++past)
    for (std::size_t count = 0; count < lanes; ++count)
      check_position(part_of{3, static_cast<int>(count)}, count, past);
}

TEST_CASE("core access: one element") {
  guarded<float> floats(1, 5);
  guarded<bfloat16> halves(1, 5);
  for (const std::uint32_t pattern : support::finite_patterns) {
    const float x = std::bit_cast<float>(pattern);
    save(floats.data() - 7, one{7}, x);
    save_halves(halves.data() - 7, one{7}, to_bits(x) >> 16);
    CHECK(bits_of(load(floats.data() - 7, one{7})) == pattern);
    CHECK(bits_of(load(halves.data() - 7, one{7})) == (pattern & 0xffff0000u));
    CHECK(bits_of(from_bits(to_bits(x))) == pattern);
  }
  CHECK(floats.check());
  CHECK(halves.check());
}
