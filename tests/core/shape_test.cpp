// core/shape.hpp: counting, batches of matrices, column-major extents, and what is refused
#include "mango/core/shape.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string_view>

using namespace mango;

namespace {

template <class F> error caught(F f) {
  try {
    f();
  } catch (const error& e) {
    return e;
  }
  FAIL("nothing was thrown");
  return error(errc::type, "");
}

constexpr index_t large = index_t{1} << 31;

}  // namespace

TEST_CASE("core shape: extents, elements, and the last two as a matrix") {
  const shape scalar, vector{5}, matrix{3, 4}, stack{2, 5, 3, 4}, eight{1, 2, 1, 2, 1, 2, 3, 7};
  CHECK((scalar.dimensions() == 0 && scalar.elements() == 1 && scalar.rows() == 1 && scalar.columns() == 1));
  CHECK(scalar.batch() == 1);
  CHECK((vector.dimensions() == 1 && vector.elements() == 5 && vector.rows() == 1 && vector.columns() == 5));
  CHECK(vector.batch() == 1);
  CHECK((matrix.dimensions() == 2 && matrix.elements() == 12 && matrix.rows() == 3 && matrix.columns() == 4));
  CHECK(matrix.batch() == 1);
  CHECK((stack.elements() == 120 && stack.rows() == 3 && stack.columns() == 4 && stack.batch() == 10));
  CHECK((stack[0] == 2 && stack[1] == 5 && stack[2] == 3 && stack[3] == 4));
  CHECK((eight.dimensions() == 8 && eight.elements() == 168 && eight.batch() == 8));
}

TEST_CASE("core shape: no elements") {
  CHECK(shape{0}.elements() == 0);
  CHECK(shape{3, 0, 4}.elements() == 0);
  CHECK(shape{3, 0, 4}.batch() == 3);
  CHECK(shape{0, large, large, large}.elements() == 0);
}

TEST_CASE("core shape: from a pointer") {
  const index_t extents[] = {2, 3, 4};
  CHECK(shape(extents, 3) == shape{2, 3, 4});
  CHECK(shape(extents, 2) == shape{2, 3});
  CHECK(shape(nullptr, 0) == shape{});
  CHECK(caught([&] { shape(extents, -1); }).got() == -1);
  CHECK(caught([&] { shape(extents, 9); }).got() == 9);  // and reads none of them
}

TEST_CASE("core shape: column-major extents are reversed") {
  const shape s = shape::column_major({3, 4, 5});  // a 3 x 4 matrix, five times; the extent of 3 is contiguous
  CHECK(s == shape{5, 4, 3});
  CHECK((s.columns() == 3 && s.rows() == 4 && s.batch() == 5 && s.elements() == 60));
  CHECK(shape::column_major({}) == shape{});
  CHECK(shape::column_major({7}) == shape{7});
  CHECK(shape::column_major({1, 2, 3, 4, 5, 6, 7, 8}) == shape{8, 7, 6, 5, 4, 3, 2, 1});
}

TEST_CASE("core shape: equality looks at extents and their number") {
  CHECK(shape{2, 3} == shape{2, 3});
  CHECK(shape{2u, std::int64_t{3}} == shape{2, 3});  // of any integer type
  CHECK_FALSE(shape{2, 3} == shape{3, 2});
  CHECK_FALSE(shape{6} == shape{2, 3});
  CHECK_FALSE(shape{1} == shape{});
  CHECK_FALSE(shape{2, 0} == shape{2});
}

TEST_CASE("core shape: at most eight extents") {
  const index_t nine[] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
  const error e = caught([&] { shape(nine, 9); });
  CHECK((e.code() == errc::size && e.expected() == 8 && e.got() == 9));
  CHECK(std::string_view(e.what()) == "a shape has at most 8 extents, this one has 9");
  const error columns = caught([] { shape::column_major({1, 1, 1, 1, 1, 1, 1, 1, 1}); });
  CHECK((columns.code() == errc::size && columns.expected() == 8 && columns.got() == 9));
  static_assert(!std::is_constructible_v<shape, int, int, int, int, int, int, int, int, int>);
}

TEST_CASE("core shape: a negative extent is refused") {
  const error e = caught([] { shape{4, 5, -6}; });
  CHECK((e.code() == errc::size && e.expected() == 0 && e.got() == -6));
  CHECK(std::string_view(e.what()).find("-6") != std::string_view::npos);
  CHECK(caught([] { shape{-1}; }).got() == -1);
  CHECK(caught([] { shape{0, -1}; }).got() == -1);
  CHECK(caught([] { shape{std::numeric_limits<std::uint64_t>::max()}; }).code() == errc::size);
  CHECK(caught([] { shape::column_major({3, -1}); }).code() == errc::size);
}

TEST_CASE("core shape: up to 2^63 - 1 elements") {
  constexpr index_t most = std::numeric_limits<index_t>::max();
  CHECK(shape{most}.elements() == most);
  CHECK(shape{1, most, 1}.elements() == most);
  CHECK(shape{large, large, 1}.elements() == index_t{1} << 62);
  for (const auto& too_large :
       {std::initializer_list<index_t>{large, large, 2}, {most, 2}, {2, most}, {large, large, large}}) {
    const error e = caught([&] { shape(too_large.begin(), static_cast<index_t>(too_large.size())); });
    CHECK((e.code() == errc::size && e.expected() == most));
    CHECK(caught([&] { shape::column_major(too_large); }).code() == errc::size);
  }
}

TEST_CASE("core shape: as text") {
  CHECK(to_text(shape{}) == "scalar");
  CHECK(to_text(shape{0}) == "0");
  CHECK(to_text(shape{256, 784}) == "256x784");
  CHECK(to_text(shape{2, 1, 3}) == "2x1x3");
}
