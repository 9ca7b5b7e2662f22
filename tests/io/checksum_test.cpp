// io/checksum.hpp: XXH3 of 128 bits, as its author's program prints it, whatever the pieces
#include "mango/io/checksum.hpp"

#include <doctest/doctest.h>

using mango::checksum;

namespace {
std::string of(std::string_view text, std::size_t piece) {
  checksum sum;
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size())))
    sum.add(std::as_bytes(std::span(text.substr(0, piece))));
  return sum.digits();
}
}  // namespace

// the numbers are those of `xxhsum -H2`
TEST_CASE("io checksum: known sums") {
  CHECK(of("", 1) == "99aa06d3014798d86001c324468d497f");
  CHECK(of("mango", 99) == "dfa76d0963bbe24c1b7a3a1e0501aabb");
  CHECK(of(std::string(1000, 'x'), 999) == "50a1af5a5f2dcf01c0a4877b962cba82");
}

TEST_CASE("io checksum: pieces of any size have the sum of the whole, and every byte counts") {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += static_cast<char>(i * 7919 >> 3);
  const auto whole = of(text, text.size());
  for (const std::size_t piece : {1u, 7u, 64u, 255u, 1024u, 2999u}) CHECK(of(text, piece) == whole);
  for (const std::size_t at : {0u, 1u, 240u, 241u, 1500u, 2999u}) {
    std::string other = text;
    other[at] = static_cast<char>(other[at] ^ 1);
    CHECK(of(other, 64) != whole);
  }
}

TEST_CASE("io checksum: numbers go in lowest byte first, and text with its end") {
  checksum numbers, bytes, one, two;
  numbers.add(0x0102, 2);
  bytes.add(std::as_bytes(std::span(std::string_view("\x02\x01", 2))));
  CHECK(numbers.digits() == bytes.digits());
  one.add(std::string_view("ab")), one.add(std::string_view("c"));
  two.add(std::string_view("a")), two.add(std::string_view("bc"));
  CHECK(one.digits() != two.digits());
}
