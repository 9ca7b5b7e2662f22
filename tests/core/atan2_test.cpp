// core/atan2.hpp against std::atan2 in double
#include "mango/core/atan2.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "support/compare.hpp"
#include "support/random.hpp"

using namespace mango;

namespace {

struct point {
  float y, x;
};

// Every pair of a few mantissas with exponents from the smallest subnormal number to the largest float, and quotients
// around those where one branch ends and the other begins.
std::vector<point> points() {
  std::vector<float> all{0.0f, 0x1p-149f, 0x1.8p-140f, 0x1.fffffcp-127f, 0x1p-126f, 0x1.fffffep127f};
  for (int e = -126; e <= 127; e += 11)
    for (const double mantissa : {1.0, 1.2345678, 1.5, 0x1.fffffep0})
      all.push_back(static_cast<float>(std::ldexp(mantissa, e)));
  std::vector<point> out;
  for (const float y : all)
    for (const float x : all) out.push_back({y, x}), out.push_back({-y, x});
  support::random source(1);
  for (int i = 0; i < 200'000; ++i) {
    const float x = std::abs(source.spread(-8, 8));
    out.push_back({source.spread(-14, 14), x});
    out.push_back({x * static_cast<float>(source.uniform(0.99, 1.01)), x});
  }
  return out;
}

// the same function, asked for a packet's worth of points at a time
std::vector<float> by_packets(const std::vector<point>& of) {
  std::vector<float> out;
  for (std::size_t i = 0; i < of.size(); i += static_cast<std::size_t>(packet::lanes)) {
    packet y = 0.0f, x = 0.0f;
    const auto in = std::min(of.size() - i, static_cast<std::size_t>(packet::lanes));
    for (std::size_t k = 0; k < in; ++k)
      y.set(static_cast<int>(k), of[i + k].y), x.set(static_cast<int>(k), of[i + k].x);
    const packet angle = math::atan2(y, x);
    for (std::size_t k = 0; k < in; ++k) out.push_back(angle[static_cast<int>(k)]);
  }
  return out;
}

// not inlined and not folded, as in a rule
__attribute__((noinline)) float of(float y, float x) { return math::atan2(y, x); }

}  // namespace

TEST_CASE("atan2: within two units in the last place of the angle, also where numbers are subnormal or huge") {
  std::int64_t worst = 0;
  int beyond = 0;
  for (const auto& [y, x] : points()) {
    const auto exact = static_cast<float>(std::atan2(static_cast<double>(y), static_cast<double>(x)));
    const std::int64_t off = support::ulps_apart(of(y, x), exact);
    worst = std::max(worst, off);
    beyond += of(y, x) > 0x1.921fb6p0f || of(y, x) < -0x1.921fb6p0f;
  }
  CHECK(worst <= 2);
  CHECK(worst > 0);
  CHECK(beyond == 0);
}

TEST_CASE("atan2: packets compute the bits that floats compute") {
  const auto all = points();
  const auto angles = by_packets(all);
  REQUIRE(angles.size() == all.size());
  int wrong = 0;
  for (std::size_t i = 0; i < all.size(); ++i)
    wrong += support::bits_of(angles[i]) != support::bits_of(of(all[i].y, all[i].x));
  CHECK(wrong == 0);
}

TEST_CASE("atan2: a power of two that multiplies both leaves every bit as it is") {
  support::random source(2);
  int wrong = 0;
  for (int i = 0; i < 20'000; ++i) {
    const float y = source.spread(-20, 20), x = std::abs(source.spread(-20, 20));
    for (const int k : {-100, -64, -1, 1, 40, 100})
      wrong += support::bits_of(of(std::ldexp(y, k), std::ldexp(x, k))) != support::bits_of(of(y, x));
  }
  CHECK(wrong == 0);
}

TEST_CASE("atan2: the angles that are known") {
  CHECK(support::bits_of(of(0.0f, 0.0f)) == 0);
  CHECK(of(-0.0f, 0.0f) == 0.0f);
  CHECK(of(0.0f, 1e-45f) == 0.0f);
  CHECK(of(1e-45f, 0.0f) == 0x1.921fb6p0f);
  CHECK(of(-3e38f, 0.0f) == -0x1.921fb6p0f);
  CHECK(of(3e38f, 1e-45f) == 0x1.921fb6p0f);
  for (const float x : {1e-45f, 1e-20f, 1.0f, 3e38f}) {
    CHECK(support::ulps_apart(of(x, x), 0x1.921fb6p-1f) <= 1);
    CHECK(of(-x, x) == -of(x, x));
  }
}

TEST_CASE("atan2: whichever number is not one, neither is the angle") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const float other : {0.0f, 0.5f, 2.0f, -2.0f, nan}) {
    CAPTURE(other);
    CHECK(std::isnan(of(nan, std::abs(other))));
    CHECK(std::isnan(of(other, nan)));
    CHECK(std::isnan(math::atan2(packet(nan), packet(std::abs(other)))[0]));
    CHECK(std::isnan(math::atan2(packet(other), packet(nan))[0]));
  }
}
