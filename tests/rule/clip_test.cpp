// rule/clip.hpp and rule/global_norm.hpp
#include "mango/rule/clip.hpp"

#include <doctest/doctest.h>

#include "mango/rule/chain.hpp"
#include "mango/rule/global_norm.hpp"
#include "support/reference.hpp"
#include "support/trajectory.hpp"

using namespace mango;

namespace {

// u of one packet and of one float; they agree, or the answer is 0xdead.
std::uint32_t clipped(const clip_by_value& rule, std::uint32_t pattern) {
  const float one = clip_by_value::apply(rule.fold({}), std::bit_cast<float>(pattern));
  const packet all = clip_by_value::apply(rule.fold({}), packet(std::bit_cast<float>(pattern)));
  return support::bits_of(all[0]) == support::bits_of(one) ? support::bits_of(one) : 0xdeadu;
}

}  // namespace

static_assert(gradient_rule<clip_by_value> && slot_count<clip_by_value> == 0);
static_assert(measured_rule<clip_by_global_norm> && !measured_rule<clip_by_value>);

TEST_CASE("rule clip: every element into its interval") {
  const clip_by_value rule{.limit = 0.75};
  support::hand_loop loop(chain(rule), support::start());
  for (std::int64_t t = 1; t <= 50; ++t) {
    const std::vector<float> g = support::gradient(t);
    std::vector<double> expected = support::doubles(g);
    reference::clip_by_value(expected, 0.75);
    loop.step<whole>({.t = t}, g);
    CHECK(support::doubles(loop.u) == expected);
  }
  CHECK(support::packet_difference(chain(rule), support::clock(), 50) == 0);
  for (const std::uint32_t pattern : {0x3f400000u, 0xbf400000u, 0x80000000u, 0x00000001u})
    CHECK(clipped(rule, pattern) == pattern);
  CHECK(clipped(rule, 0x7f800000u) == 0x3f400000u);
  CHECK(clipped(rule, 0xff800000u) == 0xbf400000u);
}

TEST_CASE("rule clip: a limit of 0 leaves every finite number as it is") {
  for (const std::uint32_t pattern : support::finite_patterns) {
    CAPTURE(pattern);
    CHECK(clipped({}, pattern) == pattern);
  }
}

TEST_CASE("rule clip: a limit of 0 leaves NaN and infinity as they are") {
  for (const std::uint32_t pattern : {0x7f800000u, 0xff800000u, 0x7fc00000u, 0xffc00000u}) {
    CAPTURE(pattern);
    CHECK(clipped({}, pattern) == pattern);
  }
}

TEST_CASE("rule clip: a NaN does not become a number") {
  for (const std::uint32_t pattern : {0x7fc00000u, 0xffc00000u}) {
    const std::uint32_t got = clipped({.limit = 0.75}, pattern);
    CAPTURE(got);
    CHECK((got & 0x7fffffffu) > 0x7f800000u);
  }
}

TEST_CASE("rule global_norm: the factor is the twin's") {
  for (const double max_norm : {1e-3, 0.5, 1.0, 100.0, 1e6}) {
    CAPTURE(max_norm);
    const clip_by_global_norm rule{.max_norm = max_norm};
    for (std::int64_t t = 1; t <= 50; ++t) {
      std::vector<reference::numbers> gradients{support::doubles(support::gradient(t)),
                                                support::doubles(support::start())};
      const double first = gradients[0][0], before = reference::clip_by_global_norm(gradients, max_norm);
      const double factor = rule.scale({.squared_norm = before * before});
      CHECK(std::abs(factor * first - gradients[0][0]) <= 1e-12 * std::abs(first));
    }
  }
}

TEST_CASE("rule global_norm: values by hand, and at the ends") {
  const clip_by_global_norm rule{.max_norm = 1};
  CHECK(rule.measures());
  CHECK(rule.scale({.squared_norm = 4}) == 1 / (2 + 1e-6));
  CHECK(rule.scale({.squared_norm = 0.25}) == 1);
  CHECK(rule.scale({.squared_norm = 0}) == 1);
  CHECK(rule.scale({.squared_norm = 1}) == 1 / (1 + 1e-6));  // as torch: a norm at the limit is scaled a little
  CHECK(rule.scale({.squared_norm = 1e76}) == doctest::Approx(1e-38));
  CHECK(clip_by_global_norm{}.measures() == false);
  CHECK(clip_by_global_norm{}.scale({.squared_norm = 1e300}) == 1);
}

TEST_CASE("rule global_norm: in a chain it measures, scales, and passes u through") {
  const auto on = chain(clip_by_global_norm{2}, clip_by_value{1}), off = chain(clip_by_global_norm{}, clip_by_value{1});
  static_assert(decltype(on)::measured == 1 && decltype(chain(clip_by_value{}))::measured == 0);
  CHECK((on.measures() && !off.measures() && !chain(clip_by_value{1}).measures()));
  CHECK(on.scale({.squared_norm = 16}) == 2 / (4 + 1e-6));
  CHECK(off.scale({.squared_norm = 16}) == 1);
  CHECK(chain(clip_by_global_norm{2}, clip_by_global_norm{1}).scale({.squared_norm = 16}) ==
        2 / (4 + 1e-6) * (1 / (4 + 1e-6)));
  CHECK(clip_by_global_norm::apply({}, 5.0f) == 5.0f);
}
