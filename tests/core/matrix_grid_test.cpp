// core/matrix_grid.hpp: how tensors become matrices, and matrices chunks
#include "mango/core/matrix_grid.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#if !defined(MANGO_TEST_DATA)
#define MANGO_TEST_DATA "tests"
#endif

using namespace mango;

namespace {

static_assert(integer_sqrt(0) == 0 && integer_sqrt(1) == 1 && integer_sqrt(3) == 1 && integer_sqrt(4) == 2);
static_assert(matrix_grid(1280, matricization::square).columns == 32);

constexpr index_t large[] = {7919,      10007,      12 * 4096 * 4096, 38597376,  131072000, 1000003,
                             712 * 776, 739 * 743,  2359296,          1 << 18,   262145,    2 * 262144 + 32,
                             16777216,  1000000007, index_t{1} << 40, 999 * 1001};

// the largest number up to sqrt(n) that divides n, the slow way
index_t divisor_below_root(index_t n) {
  index_t best = 0;
  for (index_t d = 1; d * d <= n; ++d)
    if (n % d == 0) best = d;
  return best;
}

void check_chunks(const matrix_grid& grid) {
  CAPTURE(grid.elements);
  CAPTURE(grid.columns);
  const index_t chunks = grid.chunks();
  REQUIRE(chunks <= matrix_grid::most_chunks);
  CHECK((grid.elements == 0) == (chunks == 0));
  CHECK(grid.chunk_rows % matrix_grid::flush_rows == 0);
  CHECK(grid.first(0) == 0);
  CHECK(grid.first(chunks) == grid.elements);
  CHECK(grid.first(chunks + 1) == grid.elements);
  for (index_t c = 0; c < chunks; ++c) {
    const index_t begin = grid.first(c), size = grid.first(c + 1) - begin;
    CHECK(size > 0);
    CHECK(begin % (8 * grid.columns) == 0);  // whole rows, and no byte of signs in two chunks
    if (c + 1 < chunks) CHECK(size >= matrix_grid::least_elements);
    if (c > 0 && c + 1 < chunks) CHECK(size == grid.first(c) - grid.first(c - 1));
  }
}

void check_widths(const matrix_grid& grid) {
  CAPTURE(grid.elements);
  index_t total = 0;
  bool whole = true;
  for (index_t i = 0; i < grid.rows; ++i) {
    whole = whole && (i + 1 == grid.rows || grid.width(i) == grid.columns);
    total += grid.width(i);
  }
  CHECK(whole);
  CHECK(total == grid.elements);
}

}  // namespace

TEST_CASE("core matrix_grid: integer_sqrt is exact around every kind of square, up to the largest index") {
  for (index_t r = 1; r < 3037000499; r += 1 + r / 1000) {
    REQUIRE(integer_sqrt(r * r) == r);
    REQUIRE(integer_sqrt(r * r - 1) == r - 1);
    REQUIRE(integer_sqrt(r * r + 2 * r) == r);
  }
  CHECK(integer_sqrt(3037000499 * index_t{3037000499}) == 3037000499);
  CHECK(integer_sqrt(INT64_MAX) == 3037000499);
}

TEST_CASE("core matrix_grid: square matrices are what SMMF's code and adv_optm's compute") {
  std::ifstream file(std::string(MANGO_TEST_DATA) + "/golden/effective_shape.txt");
  REQUIRE(file.good());
  int lines = 0;
  for (std::string line; std::getline(file, line);) {
    if (line[0] == '#') continue;
    std::istringstream words(line);
    index_t n = -1, d1 = -1, d2 = -1;
    words >> n >> d1 >> d2;
    const matrix_grid grid(n, matricization::square);
    CAPTURE(n);
    CHECK(grid.rows == d1);
    CHECK(grid.columns == d2);
    ++lines;
  }
  CHECK(lines == 322);
}

TEST_CASE("core matrix_grid: square means rows times columns, never wider than tall, and no divisor between") {
  const auto check = [](index_t n) {
    const matrix_grid grid(n, matricization::square);
    CAPTURE(n);
    CHECK(grid.rows * grid.columns == n);
    CHECK(grid.rows >= grid.columns);
    CHECK(grid.columns == divisor_below_root(n));
  };
  for (index_t n = 0; n <= 3000; ++n) check(n);
  for (const index_t n : large) check(n);
}

TEST_CASE("core matrix_grid: ragged covers every number of elements, nearly square, in columns of 32") {
  const auto check = [](index_t n) {
    const matrix_grid grid(n, matricization::ragged);
    CAPTURE(n);
    REQUIRE(grid.columns % 32 == 0);
    REQUIRE(grid.columns >= 32);
    CHECK((grid.rows - 1) * grid.columns < n);
    CHECK(grid.rows * grid.columns >= n);
    const index_t root = integer_sqrt(n);
    CHECK((grid.columns == 32 || (grid.columns >= root - 16 && grid.columns <= root + 16)));
  };
  for (index_t n = 1; n <= 20000; ++n) check(n);
  for (const index_t n : large) check(n);
  CHECK(matrix_grid(0, matricization::ragged).rows == 0);
}

TEST_CASE("core matrix_grid: axes cut a tensor between two of them, where rows and columns are fewest") {
  const auto cut = [](const shape& s) {
    const matrix_grid grid(s, matricization::axes);
    CHECK(grid.rows * grid.columns == s.elements());
    check_chunks(grid);
    check_widths(grid);
    return std::pair(grid.rows, grid.columns);
  };
  using pair = std::pair<index_t, index_t>;
  CHECK(cut({24, 16}) == pair{24, 16});
  CHECK(cut({16, 24}) == pair{16, 24});
  CHECK(cut({10, 400'000}) == pair{10, 400'000});
  CHECK(cut({64, 32, 3, 3}) == pair{64, 288});
  CHECK(cut({12, 768, 2304}) == pair{9216, 2304});
  CHECK(cut({12, 768, 1}) == pair{12, 768});
  CHECK(cut({5, 1}) == pair{5, 1});
  CHECK(cut({1, 5}) == pair{5, 1});
  CHECK(cut({7}) == pair{7, 1});
  CHECK(cut({1, 1}) == pair{1, 1});
  CHECK(cut(shape{}) == pair{1, 1});
  for (const shape& s : {shape{0}, shape{0, 5}, shape{5, 0}}) CHECK(matrix_grid(s, matricization::axes).chunks() == 0);
  CHECK(matrix_grid(shape{300, 200}, matricization::square).columns ==
        matrix_grid(60'000, matricization::square).columns);
}

TEST_CASE("core matrix_grid: only the last row may be short, and rows add up to the tensor") {
  for (const auto how : {matricization::square, matricization::ragged}) {
    for (index_t n = 1; n <= 3000; ++n) check_widths({n, how});
    for (const index_t n : large)
      if (n < 100000000) check_widths({n, how});
  }
}

TEST_CASE("core matrix_grid: chunks are whole rows, at most 16, none small unless it is the last") {
  for (const auto how : {matricization::square, matricization::ragged}) {
    for (index_t n = 0; n <= 3000; ++n) check_chunks({n, how});
    for (const index_t n : large) check_chunks({n, how});
  }
  CHECK(matrix_grid(4096 * 4096, matricization::square).chunks() == 16);
  CHECK(matrix_grid(712 * 776, matricization::square).chunks() == 3);
}
