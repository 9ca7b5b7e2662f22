// core/lookup.hpp: every lane finds its own entry
#include "mango/core/lookup.hpp"

#include <doctest/doctest.h>

#include "support/compare.hpp"

using namespace mango;

namespace {

// entries whose every bit pattern differs, NaNs among them where words are asked for
template <class Entry, std::size_t N> void check_lookup(std::uint32_t base) {
  const auto entry = [&](int i) { return __builtin_bit_cast(Entry, base + static_cast<std::uint32_t>(i) * 0x10001u); };
  const auto table = tabulate<Entry, N>(entry);
  int wrong = 0;
  for (std::uint32_t i = 0; i < 3 * N; ++i) {
    packet::bits places{};
    for (int lane = 0; lane < packet::lanes; ++lane) places[lane] = i + 5 * static_cast<std::uint32_t>(lane);
    const auto found = lookup(table, places);
    for (int lane = 0; lane < packet::lanes; ++lane) {
      const Entry expected = entry(static_cast<int>(places[lane] % N));
      wrong += __builtin_memcmp(&expected, reinterpret_cast<const Entry*>(&found) + lane, sizeof expected) != 0;
      const Entry one = lookup(table, places[lane]);
      wrong += __builtin_memcmp(&expected, &one, sizeof expected) != 0;
    }
  }
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("core lookup: every entry of numbers in every lane") {
  check_lookup<float, 8>(0x3f000000u);
  check_lookup<float, 16>(0x3f000000u);
  check_lookup<float, 32>(0x3f000000u);
}

TEST_CASE("core lookup: every entry of words in every lane, patterns of NaN too") {
  for (const std::uint32_t base : {0u, 0x7f800000u, 0xffff0000u}) {
    check_lookup<std::uint32_t, 8>(base);
    check_lookup<std::uint32_t, 16>(base);
    check_lookup<std::uint32_t, 32>(base);
  }
}
