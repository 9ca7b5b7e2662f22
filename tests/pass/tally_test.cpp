// pass/tally.hpp: sums of squares against double; what is finite is in core/finite_test.cpp
#include "mango/pass/tally.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "mango/pass/plan.hpp"
#include "mango/rule/adam.hpp"
#include "mango/rule/global_norm.hpp"
#include "mango/rule/weight_decay.hpp"
#include "mango/store/bf16.hpp"
#include "mango/store/fp32.hpp"
#include "support/compare.hpp"
#include "support/guarded.hpp"
#include "support/random.hpp"

using namespace mango;

namespace {

template <class E> double exact(const E* x, index_t begin, index_t end) {
  double sum = 0;
  for (index_t i = begin; i < end; ++i) {
    const double value = static_cast<double>(to_float(x[i]));
    sum += value * value;
  }
  return sum;
}

// |got / exact - 1|; a float accumulator takes at most 1024 / lanes additions.
template <class E> double error_of(const std::vector<E>& x, index_t begin, index_t end) {
  const double expected = exact(x.data(), begin, end);
  return support::error_in(squared_norm(x.data(), begin, end), expected, expected);
}
constexpr double tolerance = 1024 / packet::lanes * support::unit;

}  // namespace

TEST_CASE("pass tally: the sum of squares at every kind of size and position") {
  const index_t wide = packet::lanes;
  for (const index_t n : {index_t{1}, wide - 1, wide, wide + 1, 4 * wide - 1, 4 * wide, 4 * wide + 1, index_t{1023},
                          index_t{1024}, index_t{1025}, index_t{4096}, index_t{4097}, index_t{70001}})
    for (const index_t begin : {0, 1, 3, 16}) {
      CAPTURE(n);
      const std::vector<float> x = support::normals(static_cast<std::size_t>(begin + n + 2), 1);
      CHECK(error_of(x, begin, begin + n) <= tolerance);
      const tally both = tally_range(x.data(), begin, begin + n);
      CHECK(support::error_in(both.squared_norm, squared_norm(x.data(), begin, begin + n), both.squared_norm) <= 1e-14);
    }
  CHECK(squared_norm(static_cast<const float*>(nullptr), 0, 0) == 0);
  CHECK(tally_range(static_cast<const float*>(nullptr), 0, 0).squared_norm == 0);
}

TEST_CASE("pass tally: the sum of squares of numbers of 16 bits") {
  std::vector<bfloat16> x;
  std::vector<float16> y;
  for (const float value : support::normals(5000, 2))
    x.push_back(round_nearest(value)), y.push_back(round_nearest<float16>(value));
  for (const index_t n : {1, 17, 1024, 5000}) CHECK((error_of(x, 0, n) <= tolerance && error_of(y, 0, n) <= tolerance));
}

TEST_CASE("pass tally: many magnitudes, and squares that overflow float") {
  CHECK(error_of(support::spread(10000, 3), 0, 10000) <= tolerance);
  CHECK(error_of(support::spread(10000, 4, -30, 127), 0, 10000) <= tolerance);
  for (const float x : {1e30f, -3.4e38f, 1.9e19f, 1.8e19f}) {  // the last one's square fits, the sum of a few does not
    CAPTURE(x);
    CHECK(error_of(std::vector<float>(3000, x), 0, 3000) <= tolerance);
  }
  std::vector<float> one_large(3000, 1.0f);
  one_large[1500] = 1e25f;
  CHECK(error_of(one_large, 0, 3000) <= tolerance);
}

TEST_CASE("pass tally: squares that underflow float are not lost") {
  for (const float x : {1e-15f, 1e-18f, 1e-19f, 1e-20f, 1e-22f, 1e-30f, 1e-44f}) {
    CAPTURE(x);
    CHECK(error_of(std::vector<float>(3000, x), 0, 3000) <= tolerance);
  }
  CHECK(squared_norm(std::vector<float>(3000, 0.0f).data(), 0, 3000) == 0);
}

TEST_CASE("pass tally: sums over whole blocks add up to the sum over all, bit for bit") {
  const std::vector<float> x = support::normals(3 * 4096 + 100, 5);
  const auto n = static_cast<index_t>(x.size());
  double parts = 0;
  for (index_t b = 0; b < n; b += 4096) parts += tally_range(x.data(), b, std::min(n, b + 4096)).squared_norm;
  CHECK(parts == tally_range(x.data(), 0, n).squared_norm);
}

TEST_CASE("pass tally: alignment does not change a bit") {
  const std::vector<float> x = support::normals(1000, 6);
  const double sum = squared_norm(x.data(), 0, 1000);
  for (std::size_t past = 0; past < 16; ++past)
    CHECK(squared_norm(support::guarded<float>(x, past).data(), 0, 1000) == sum);
}

TEST_CASE("pass tally: an infinity or a NaN shows in the sum as well") {
  for (const std::uint32_t pattern : support::nonfinite_patterns) {
    std::vector<float> x(2000, 1.0f);
    x[1234] = std::bit_cast<float>(pattern);
    const tally all = tally_range(x.data(), 0, 2000);
    CHECK(all.nonfinite);
    CHECK_FALSE(std::isfinite(all.squared_norm));
  }
}

// pass/plan.hpp: read p and g, write p, read and write m and v; 28 bytes for AdamW in fp32
namespace {
using adamw = decltype(chain(scale_by_adam{}, decoupled_step{}));
using clipped = decltype(chain(clip_by_global_norm{}, scale_by_adam{}, decoupled_step{}));
using in_fp32 = plan<adamw, stores<fp32, fp32>>;
using in_bf16 = plan<adamw, stores<bf16, bf16>>;
using plain = plan<decltype(chain(scale_by_learning_rate{})), stores<>>;
static_assert(in_fp32::state_bits == 64 && in_fp32::passes == 1 && in_fp32::bytes_moved() == 28);
static_assert(in_fp32::bytes_moved(dtype::f32, dtype::f32, true) == 32);
static_assert(in_bf16::state_bits == 32 && in_bf16::bytes_moved() == 20);
static_assert(in_bf16::bytes_moved(dtype::bf16, dtype::bf16) == 14);
static_assert(in_bf16::bytes_moved(dtype::bf16, dtype::bf16, true) == 16);
static_assert(plan<clipped, stores<fp32, fp32>>::passes == 2);
static_assert(plan<clipped, stores<fp32, fp32>>::bytes_moved() == 28);
static_assert(plan<clipped, stores<fp32, fp32>>::bytes_moved(dtype::f32, dtype::f32, true) == 32);
static_assert(plan<clipped, stores<fp32, fp32>>::bytes_moved(dtype::f32, dtype::bf16, true) == 28);
static_assert(plain::state_bits == 0 && plain::bytes_moved() == 12);
}  // namespace
