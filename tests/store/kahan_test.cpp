// store/kahan.hpp: a number in two bfloat16, and sums that plain bfloat16 loses
#include "mango/store/kahan.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "support/compare.hpp"
#include "support/random.hpp"

using namespace mango;

namespace {

// x after one save.
float kept(float x) {
  bfloat16 value, compensation;
  const kahan::view view{&value, &compensation};
  kahan::save(view, one{0}, x, 0);
  return kahan::load(view, one{0});
}

}  // namespace

TEST_CASE("store kahan: keeps a number to 2^-16") {
  support::random source(1);
  double worst = 0;
  for (int i = 0; i < 200000; ++i) {
    const float x = source.spread(-100, 126);
    const double exact = static_cast<double>(x);
    worst = std::max(worst, std::abs(static_cast<double>(kept(x)) - exact) / std::abs(exact));
  }
  CHECK(worst <= 0x1p-16);
  CHECK(worst > 0x1p-19);  // and it is not exact
  for (const float x : {0.0f, 1.0f, -1.5f, 1.00390625f, 0x1p-133f}) CHECK(kept(x) == x);
}

TEST_CASE("store kahan: the value alone is the nearest bfloat16") {
  for (const float x : support::normals(1000, 2)) {
    bfloat16 value, compensation;
    kahan::save({&value, &compensation}, one{0}, x, 0);
    CHECK(value == round_nearest(x));
    CHECK(compensation == round_nearest(x - to_float(value)));
  }
}

TEST_CASE("store kahan: over halves, a number is kept to 2^-19 and cut at the largest") {
  const auto save = [](float x) {
    float16 value;
    bfloat16 compensation;
    const compensated<float16>::view view{&value, &compensation};
    compensated<float16>::save(view, one{0}, x, 0);
    if (std::abs(x) < largest_half) CHECK(value == round_nearest<float16>(x));
    else CHECK(std::abs(to_float(value)) == largest_half);
    return compensated<float16>::load(view, one{0});
  };
  support::random source(5);
  double worst = 0;
  for (int i = 0; i < 100000; ++i) {
    const float x = source.spread(-20, 15);
    const double exact = static_cast<double>(x);
    const double place = std::max(std::abs(exact) * 0x1p-11, 0x1p-25);  // half of the value's, or of a subnormal's
    worst = std::max(worst, std::abs(static_cast<double>(save(x)) - exact) / (place * 0x1p-8));
  }
  CHECK(worst <= 1);
  CHECK(worst > 0.25);
  for (const float x : {65519.0f, 65520.0f, -1e5f, 7e37f})
    CHECK(std::abs(static_cast<double>(save(x)) - static_cast<double>(x)) <= 0x1p-7 * std::abs(static_cast<double>(x)));
}

TEST_CASE("store kahan: saving what was read changes nothing") {
  for (const float x : support::spread(2000, 3)) {
    const float once = kept(x);
    CHECK(support::bits_of(kept(once)) == support::bits_of(once));
  }
}

TEST_CASE("store kahan: denormals lose at most half of bfloat16's smallest step") {
  for (std::uint32_t bits = 1; bits < 0x800000u; bits += 4099) {
    const float x = std::bit_cast<float>(bits);
    CHECK(std::abs(static_cast<double>(kept(x)) - static_cast<double>(x)) <= 0x1p-134);
  }
}

TEST_CASE("store kahan: the largest finite numbers stay numbers") {
  for (const float x : {3.38e38f, 3.3961e38f, 3.4028235e38f, -3.4028235e38f}) {
    CAPTURE(x);
    CHECK(std::abs(static_cast<double>(kept(x)) - static_cast<double>(x)) <=
          0x1p-16 * std::abs(static_cast<double>(x)));
  }
}

TEST_CASE("store kahan: infinity stays infinity and NaN stays NaN") {
  for (const std::uint32_t pattern : support::nonfinite_patterns) {
    CAPTURE(pattern);
    const float x = std::bit_cast<float>(pattern);
    CHECK(std::isnan(kept(x)) == std::isnan(x));
  }
}

TEST_CASE("store kahan: follows updates that nearest bfloat16 does not see") {
  support::random source(4);
  bfloat16 value = round_nearest(1.0f), compensation, nearest = value;
  const kahan::view view{&value, &compensation};
  double sum = 1, largest_error = 0;
  for (int i = 0; i < 20000; ++i) {
    const float update = static_cast<float>(1e-5 * (source.normal() + 1));  // below 2^-9, half a step at 1
    sum += static_cast<double>(update);
    kahan::save(view, one{0}, kahan::load(view, one{0}) + update, 0);
    nearest = round_nearest(to_float(nearest) + update);
    largest_error = std::max(largest_error, std::abs(static_cast<double>(kahan::load(view, one{0})) - sum));
  }
  CHECK(std::abs(sum - 1.2) < 0.01);
  CHECK(largest_error < 0.01 * (sum - 1));
  CHECK(to_float(nearest) == 1.0f);
}
