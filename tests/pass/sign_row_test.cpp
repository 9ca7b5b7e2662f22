// pass/sign_row.hpp: rows of bits that start anywhere in a byte
#include "mango/pass/sign_row.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "support/guarded.hpp"
#include "support/random.hpp"

#if !defined(MANGO_TEST_DATA)
#define MANGO_TEST_DATA "tests"
#endif

using namespace mango;

namespace {

using bytes = std::vector<std::uint8_t>;

bool bit(const std::uint8_t* of, index_t i) { return (of[i / 8] >> i % 8 & 1) != 0; }
index_t bytes_for(index_t bits) { return (bits + 7) / 8; }

bytes random_bytes(index_t n, std::uint64_t seed) {
  support::random source(seed);
  bytes out(static_cast<std::size_t>(n));
  for (auto& b : out) b = static_cast<std::uint8_t>(source.next());
  return out;
}

}  // namespace

TEST_CASE("pass sign_row: a row is read from where it starts, whatever is around it") {
  for (index_t first = 0; first < 24; ++first)
    for (index_t count = 1; count <= 70; ++count) {
      CAPTURE(first);
      CAPTURE(count);
      // the memory ends with the row: what reads further is seen by a sanitizer
      const bytes flat = random_bytes(bytes_for(first + count), static_cast<std::uint64_t>(first * 100 + count));
      support::guarded<std::uint8_t> row(static_cast<std::size_t>(detail::sign_row_bytes(count)));
      detail::read_signs(flat.data(), first, count, row.data());
      int wrong = 0;
      for (index_t i = 0; i < count; ++i) wrong += bit(row.data(), i) != bit(flat.data(), first + i);
      CHECK(wrong == 0);
      CHECK(row.check());
    }
}

TEST_CASE("pass sign_row: a row is written back, and the bits before and after stay") {
  for (index_t first = 0; first < 24; ++first)
    for (index_t count = 1; count <= 70; ++count)
      for (const index_t after : {index_t{0}, index_t{3}, index_t{13}}) {
        CAPTURE(first);
        CAPTURE(count);
        const index_t bits = first + count + after;
        const bytes before = random_bytes(bytes_for(bits), 1), row = random_bytes(bytes_for(count), 2);
        support::guarded<std::uint8_t> flat(before, 0);
        detail::write_signs(flat.data(), first, count, row.data());
        int wrong = 0;
        for (index_t i = 0; i < 8 * bytes_for(bits); ++i)
          wrong += bit(flat.data(), i) !=
                   (i >= first && i < first + count ? bit(row.data(), i - first) : bit(before.data(), i));
        CHECK(wrong == 0);
        CHECK(flat.check());
      }
}

TEST_CASE("pass sign_row: a matrix of 1 to 33 columns, row by row and back") {
  for (index_t columns = 1; columns <= 33; ++columns) {
    constexpr index_t rows = 9;
    CAPTURE(columns);
    const bytes flat = random_bytes(bytes_for(rows * columns), static_cast<std::uint64_t>(columns));
    bytes copy(flat.size());
    for (index_t i = 0; i < rows; ++i) {
      bytes row(static_cast<std::size_t>(detail::sign_row_bytes(columns)));
      detail::read_signs(flat.data(), i * columns, columns, row.data());
      detail::write_signs(copy.data(), i * columns, columns, row.data());
    }
    int wrong = 0;
    for (index_t k = 0; k < rows * columns; ++k) wrong += bit(copy.data(), k) != bit(flat.data(), k);
    CHECK(wrong == 0);
  }
}

TEST_CASE("pass sign_row: one row is what adv_optm packs into bytes of its own") {
  std::ifstream file(std::string(MANGO_TEST_DATA) + "/golden/sign_rows.txt");
  REQUIRE(file.good());
  int matrices = 0;
  for (std::string line; std::getline(file, line);) {
    if (line[0] == '#') continue;
    std::istringstream words(line);
    index_t rows = 0, columns = 0;
    std::string bar;
    words >> rows >> columns >> bar;
    bytes flat(static_cast<std::size_t>(bytes_for(rows * columns)));
    for (index_t k = 0; k < rows * columns; ++k) {
      unsigned positive = 0;
      words >> positive;
      flat[static_cast<std::size_t>(k / 8)] |= static_cast<std::uint8_t>(positive << k % 8);
    }
    words >> bar;
    for (index_t i = 0; i < rows; ++i) {
      bytes row(static_cast<std::size_t>(detail::sign_row_bytes(columns)));
      detail::read_signs(flat.data(), i * columns, columns, row.data());
      for (index_t b = 0; b < bytes_for(columns); ++b) {
        unsigned packed = 999;
        words >> packed;
        const unsigned padding = 8 * (b + 1) > columns ? 0xffu >> (8 * (b + 1) - columns) : 0xffu;
        CHECK((row[static_cast<std::size_t>(b)] & padding) == packed);
      }
    }
    CHECK(words.good() != words.eof());
    ++matrices;
  }
  CHECK(matrices == 7);
}
