// store/*_map.hpp: what codes stand for, and that the code found is the nearest, in every lane and one by one
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "mango/store/dynamic_map.hpp"
#include "mango/store/linear_map.hpp"
#include "mango/store/nearest.hpp"
#include "mango/store/nf4_map.hpp"
#include "support/compare.hpp"
#include "support/golden.hpp"
#include "support/random.hpp"

using namespace mango;
using support::bits_of;

namespace {

template <class Map> std::vector<float> values() {
  std::vector<float> all;
  for (int code = Map::first; code <= Map::last; ++code)
    all.push_back(Map::template value<float>(static_cast<std::uint32_t>(code)));
  return all;
}

// By the definition: how many midpoints lie below y
template <class Map> int by_counting(const std::vector<float>& value, float y) {
  int code = Map::first;
  for (std::size_t k = 0; k + 1 < value.size(); ++k) code += y > (value[k] + value[k + 1]) * 0.5f;
  return code;
}

// Midpoints, values and their neighbours; numbers of every size; what lies just outside of [-1, 1]
std::vector<float> questions(const std::vector<float>& value) {
  std::vector<float> all{0.0f, -0.0f, 1.0f, -1.0f, 1.0000001f, -1.0000001f, 1e-30f, -1e-30f, 1e-44f, -1e-44f};
  const auto around = [&](float x) {
    const float up = std::nextafter(x, 2.0f), down = std::nextafter(x, -2.0f);
    for (const float y : {x, up, std::nextafter(up, 2.0f), down, std::nextafter(down, -2.0f)}) {
      all.push_back(y);
      all.push_back(-y);
    }
  };
  for (std::size_t k = 0; k + 1 < value.size(); ++k) around(value[k]), around((value[k] + value[k + 1]) * 0.5f);
  support::random source(1);
  for (int i = 0; i < 20000; ++i) all.push_back(static_cast<float>(source.uniform(-1, 1)));
  for (int i = 0; i < 20000; ++i) all.push_back(source.spread(-30, -1));
  return all;
}

template <class Map> void check_map() {
  const std::vector<float> value = values<Map>();
  CAPTURE(Map::name);
  CHECK(value.size() == static_cast<std::size_t>(Map::count));
  int descents = 0, zeros = 0, wrong_lanes = 0;
  for (std::size_t k = 0; k < value.size(); ++k) {
    descents += k > 0 && !(value[k] > value[k - 1]);
    zeros += bits_of(value[k]) == 0;
    const auto code = static_cast<std::uint32_t>(Map::first + static_cast<int>(k));
    for (int lane = 0; lane < packet::lanes; ++lane)
      wrong_lanes += bits_of(Map::template value<packet>(packet::bits{} + code)[lane]) != bits_of(value[k]);
  }
  CHECK(descents == 0);
  CHECK(zeros == Map::has_zero);
  CHECK(wrong_lanes == 0);
  CHECK(value.back() == 1.0f);
  if (Map::has_zero) CHECK(bits_of(Map::template value<float>(static_cast<std::uint32_t>(Map::zero))) == 0);

  std::vector<float> ys = questions(value);
  ys.resize(ys.size() / packet::lanes * packet::lanes);
  int wrong = 0, wrong_packets = 0;
  float first_wrong = 0;
  for (std::size_t i = 0; i < ys.size(); i += packet::lanes) {
    const packet::bits codes = detail::nearest_code<Map>(load(ys.data() + i));
    for (int lane = 0; lane < packet::lanes; ++lane) {
      const float y = ys[i + static_cast<std::size_t>(lane)];
      const auto expected = static_cast<std::uint32_t>(by_counting<Map>(value, y));
      if (detail::nearest_code<Map>(y) != expected && wrong++ == 0) first_wrong = y;
      if (codes[lane] != expected && wrong_packets++ == 0) first_wrong = y;
    }
  }
  CAPTURE(first_wrong);
  CHECK(wrong == 0);
  CHECK(wrong_packets == 0);
}

}  // namespace

TEST_CASE("store map nf4: the nearest code, ties to the lower") { check_map<nf4_map>(); }
TEST_CASE("store map dynamic, signed: the nearest code, ties to the lower") { check_map<dynamic_map<true>>(); }
TEST_CASE("store map dynamic, unsigned: the nearest code, ties to the lower") { check_map<dynamic_map<false>>(); }
TEST_CASE("store map linear, 8 bits: the nearest code, ties to the lower") { check_map<linear_map<8>>(); }
TEST_CASE("store map linear, 4 bits: the nearest code, ties to the lower") { check_map<linear_map<4>>(); }
TEST_CASE("store map linear, 4 bits without sign: the nearest code, ties to the lower") {
  check_map<linear4_unsigned_map>();
}

TEST_CASE("store map: position is linear from each value to the next, in every lane and one by one") {
  const auto check = []<class Map>() {
    CAPTURE(Map::name);
    const std::vector<float> value = values<Map>();
    double worst = 0;
    int wrong_lanes = 0;
    for (float y : questions(value)) {
      y = std::clamp(y, -1.0f, 1.0f);
      const std::int32_t at = detail::position_of<Map>(y, detail::segment_of<Map>(y));
      const auto many = detail::position_of<Map>(packet(y), detail::segment_of<Map>(packet(y)));
      for (int i = 0; i < packet::lanes; ++i) wrong_lanes += std::bit_cast<packet::mask>(many)[i] != at;
      if (y < value.front()) continue;  // those are cut off later
      const auto above = std::upper_bound(value.begin(), value.end() - 1, y), below = above - 1;
      const double fraction = (static_cast<double>(y) - static_cast<double>(*below)) /
                              (static_cast<double>(*above) - static_cast<double>(*below));
      worst =
          std::max(worst, std::abs(at - 65536 * (Map::first + static_cast<double>(below - value.begin()) + fraction)));
    }
    CHECK(wrong_lanes == 0);
    CHECK(worst <= 4);
  };
  check.operator()<nf4_map>();
  check.operator()<dynamic_map<true>>();
  check.operator()<dynamic_map<false>>();
  check.operator()<linear_map<8>>();
  check.operator()<linear_map<4>>();
  check.operator()<linear4_unsigned_map>();
}

TEST_CASE("store map nf4: the published bits") {
  const support::golden file("quantisation.txt");
  CHECK(support::first_difference(values<nf4_map>(), file.floats("nf4")) == -1);
  std::vector<float> midpoints;
  for (int k = 0; k < 15; ++k) midpoints.push_back(nf4_map::midpoint(k));
  CHECK(support::first_difference(midpoints, file.floats("nf4_midpoints")) == -1);
}

TEST_CASE("store map dynamic: the formula, and the published table within two units in the last place") {
  const support::golden file("quantisation.txt");
  const std::vector<float> s = values<dynamic_map<true>>(), u = values<dynamic_map<false>>();
  const std::vector<float> published_s = file.floats("dynamic8_signed"), published_u = file.floats("dynamic8_unsigned");
  std::int64_t furthest = 0, from_formula = 0;
  for (std::size_t k = 0; k < 256; ++k)
    furthest =
        std::max({furthest, support::ulps_apart(s[k], published_s[k]), support::ulps_apart(u[k], published_u[k])});
  CHECK(furthest <= 2);
  for (int i = 0; i < 7; ++i)
    for (int n = 1 << i, j = 0; j < 2 * n; ++j) {
      const auto value = [&](int count) {
        return static_cast<float>(std::pow(10.0, i - 6) * (0.1 + 0.9 * (j + 0.5) / count));
      };
      from_formula =
          std::max(from_formula, support::ulps_apart(u[static_cast<std::size_t>(2 * n - 1 + j)], value(2 * n)));
      if (j >= n) continue;
      from_formula = std::max(from_formula, support::ulps_apart(s[static_cast<std::size_t>(127 + n + j)], value(n)));
      CHECK(s[static_cast<std::size_t>(127 - n - j)] == -s[static_cast<std::size_t>(127 + n + j)]);
    }
  CHECK(from_formula <= 1);
  CHECK(s[0] == doctest::Approx(-0.99296875));
}

TEST_CASE("store map linear: k/L within one unit in the last place, both ends exact") {
  const std::vector<float> eight = values<linear_map<8>>(), four = values<linear_map<4>>();
  for (int k = -127; k <= 127; ++k)
    CHECK(support::ulps_apart(eight[static_cast<std::size_t>(k + 127)], static_cast<float>(k) / 127.0f) <= 1);
  for (int k = -7; k <= 7; ++k)
    CHECK(support::ulps_apart(four[static_cast<std::size_t>(k + 7)], static_cast<float>(k) / 7.0f) <= 1);
  CHECK(eight.front() == -1.0f);
  CHECK(four.front() == -1.0f);
  for (std::uint32_t k = 0; k < 16; ++k)
    CHECK(linear4_unsigned_map::value<float>(k) == static_cast<float>(k + 1) / 16.0f);
}
