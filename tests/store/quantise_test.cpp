// store/quantise.hpp: arrays to codes and back, as published quantisers do it where they agree with us
#include "mango/store/quantise.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>
#include <random>
#include <string>

#include "mango/store/dynamic8.hpp"
#include "mango/store/linear4.hpp"
#include "mango/store/linear8.hpp"
#include "mango/store/nf4.hpp"
#include "optim/caught.hpp"
#include "support/compare.hpp"
#include "support/golden.hpp"
#include "support/guarded.hpp"
#include "support/random.hpp"

using namespace mango;
using support::bits_of;
using support::guarded;

namespace {

template <class Store> struct coded {
  using format = format_of<Store>;
  std::vector<std::uint8_t> codes;
  std::vector<float> scales;
  index_t n, nonfinite;

  explicit coded(const std::vector<float>& x)
      : codes(static_cast<std::size_t>(format::code_bytes(static_cast<index_t>(x.size())))),
        scales(static_cast<std::size_t>(format::scales(static_cast<index_t>(x.size())))),
        n(static_cast<index_t>(x.size())),
        nonfinite(quantise<Store>(x, codes, scales)) {}
  std::vector<float> decoded() const {
    std::vector<float> x(static_cast<std::size_t>(n));
    dequantise<Store>(codes, scales, x);
    return x;
  }
};

std::int64_t furthest(const std::vector<float>& a, const std::vector<float>& b) {
  std::int64_t most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, support::ulps_apart(a[i], b[i]));
  return most;
}

template <class Store> double mean_error(const std::vector<float>& x) {
  const std::vector<float> y = coded<Store>(x).decoded();
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += std::abs(static_cast<double>(y[i]) - static_cast<double>(x[i]));
  return sum / static_cast<double>(x.size());
}

template <class F> errc code_of(F f) { return optim_test::caught(f).code(); }

// Decoding with nested scales, written out
template <class Store> std::vector<float> decode_nested(const coded<Store>& c, const nested_scales& s) {
  std::vector<float> scales(c.scales.size());
  for (std::size_t i = 0; i < scales.size(); ++i) {
    const float part = product(dynamic_map<true>::value<float>(s.codes[i]), s.scales[i / 256]);
    scales[i] = std::max(part + s.offset, 0.0f);
  }
  std::vector<float> x(static_cast<std::size_t>(c.n));
  dequantise<Store>(c.codes, scales, x);
  return x;
}

}  // namespace

TEST_CASE("store quantise: published codes, scales and numbers") {
  const support::golden file("quantisation.txt");
  const std::vector<float> x = file.floats("x");
  std::vector<float> squares = x;
  for (float& v : squares) v *= v;

  const coded<nf4<64>> a(x);
  CHECK(a.codes == file.bytes("nf4_64_codes"));
  CHECK(support::first_difference(a.scales, file.floats("nf4_64_scales")) == -1);
  CHECK(support::first_difference(a.decoded(), file.floats("nf4_64_y")) == -1);
  const coded<dynamic8<64>> b(x);
  CHECK(b.codes == file.bytes("dynamic8_64_codes"));
  CHECK(support::first_difference(b.scales, file.floats("dynamic8_64_scales")) == -1);
  CHECK(furthest(b.decoded(), file.floats("dynamic8_64_y")) <= 3);
  const coded<dynamic8<64>::of<range::nonnegative>> c(squares);
  CHECK(c.codes == file.bytes("squares_dynamic8_unsigned_64_codes"));
  CHECK(support::first_difference(c.scales, file.floats("squares_dynamic8_unsigned_64_scales")) == -1);
  CHECK(furthest(c.decoded(), file.floats("squares_dynamic8_unsigned_64_y")) <= 3);
}

TEST_CASE("store quantise: published corner cases") {
  const support::golden file("quantisation.txt");
  for (const std::string name : {"zeros", "one_neg", "ties", "denormal", "odd5", "neg_zero"}) {
    CAPTURE(name);
    const coded<nf4<64>> c(file.floats("edge_" + name + "_x"));
    CHECK(c.codes == file.bytes("edge_" + name + "_codes"));
    CHECK(support::first_difference(c.decoded(), file.floats("edge_" + name + "_y")) == -1);
    CHECK(c.nonfinite == 0);
  }
}

TEST_CASE("store quantise: NF4's mean error on normal numbers") {
  std::mt19937 source(1);
  std::normal_distribution<float> normal;
  std::vector<float> x(1 << 20);
  for (float& v : x) v = normal(source);
  CHECK(mean_error<nf4<32>>(x) == doctest::Approx(0.067746).epsilon(0.01));
  CHECK(mean_error<nf4<64>>(x) == doctest::Approx(0.072798).epsilon(0.01));
  CHECK(mean_error<nf4<128>>(x) == doctest::Approx(0.076831).epsilon(0.01));
  CHECK(mean_error<nf4<256>>(x) == doctest::Approx(0.080337).epsilon(0.01));
}

TEST_CASE("store quantise: any length and alignment, block after block") {
  const auto check = []<class Store> {
    using format = format_of<Store>;
    CAPTURE(format::name);
    for (const index_t n : {0, 1, 2, 63, 64, 65, 255, 257, 1023, 1024, 1025, 4099}) {
      CAPTURE(n);
      const std::size_t past = static_cast<std::size_t>(n) % 5;
      const guarded<float> x(support::normals(static_cast<std::size_t>(n), 7), past);
      guarded<std::uint8_t> codes(static_cast<std::size_t>(format::code_bytes(n)), past);
      guarded<float> scales(static_cast<std::size_t>(format::scales(n)), past), y(x.size(), 3 - past % 4);
      CHECK(quantise<Store>(x.span(), codes.span(), scales.span()) == 0);
      dequantise<Store>(codes.span(), scales.span(), y.span());
      CHECK((codes.check() && scales.check() && y.check()));
      int wrong = 0;
      for (index_t at = 0; at < n; at += format::block) {  // each block alone gives the same
        const auto first = static_cast<std::size_t>(at), count = std::min(x.size() - first, std::size_t{format::block});
        const coded<Store> block(std::vector<float>(x.data() + first, x.data() + first + count));
        wrong += support::bits_of(block.scales[0]) != support::bits_of(scales[first / format::block]);
        const auto byte = static_cast<std::size_t>(format::code_bytes(at));
        for (std::size_t i = 0; i < block.codes.size(); ++i) wrong += block.codes[i] != codes[byte + i];
        const std::vector<float> read = block.decoded();
        for (std::size_t i = 0; i < count; ++i) wrong += bits_of(read[i]) != bits_of(y[first + i]);
      }
      CHECK(wrong == 0);
    }
  };
  check.operator()<nf4<32>>();
  check.operator()<nf4<64>>();
  check.operator()<linear4<128>>();
  check.operator()<dynamic8<256>>();
  check.operator()<linear8<2048>>();
}

TEST_CASE("store quantise: an output too large for the caches is the same at every alignment") {
  constexpr std::size_t n = (std::size_t{1} << 22) + 77;
  const std::vector<float> x = support::spread(n, 9);
  const coded<nf4<64>> c(x);
  std::vector<float> expected(n), room(n + 16);
  const std::size_t half = n / 2 / 64 * 64;  // each part is small enough for ordinary stores
  const std::span<const std::uint8_t> codes(c.codes);
  const std::span<const float> scales(c.scales);
  dequantise<nf4<64>>(codes.first(half / 2), scales.first(half / 64), std::span(expected).first(half));
  dequantise<nf4<64>>(codes.subspan(half / 2), scales.subspan(half / 64), std::span(expected).subspan(half));
  for (const std::size_t past : {0u, 1u, 4u, 8u, 12u}) {
    CAPTURE(past);
    std::fill(room.begin(), room.end(), -1.0f);
    dequantise<nf4<64>>(codes, scales, std::span(room).subspan(past, n));
    CHECK(support::first_difference(std::span<const float>(room).subspan(past, n), std::span<const float>(expected)) ==
          -1);
    CHECK(std::accumulate(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(past), 0.0f) ==
          -static_cast<float>(past));
    CHECK(room[past + n] == -1.0f);
  }
}

TEST_CASE("store quantise: NaN and infinity are counted and stored as zero") {
  std::vector<float> x = support::normals(3000, 10), clean = x;
  for (std::size_t i = 5; i < x.size(); i += 700) {
    x[i] = std::bit_cast<float>(support::nonfinite_patterns[i % 10]);
    clean[i] = 0;
  }
  const coded<nf4<64>> a(x), b(clean);
  CHECK(a.nonfinite == 5);
  CHECK(b.nonfinite == 0);
  CHECK(a.codes == b.codes);
  CHECK(a.scales == b.scales);
}

TEST_CASE("store quantise: arrays that do not fit are errors, and nothing is written") {
  std::vector<float> x(100, 1.0f), scales(2, -1.0f), out(100, -1.0f);
  std::vector<std::uint8_t> codes(50, 9);
  const auto quantise_into = [](auto from, auto into, auto by) {
    return code_of([&] { quantise<nf4<64>>(from, into, by); });
  };
  CHECK(quantise_into(std::span(x), std::span(codes).first(49), std::span(scales)) == errc::size);
  CHECK(quantise_into(std::span(x), std::span(codes), std::span(scales).first(1)) == errc::size);
  CHECK(quantise_into(std::span(static_cast<float*>(nullptr), 100), std::span(codes), std::span(scales)) ==
        errc::null_span);
  CHECK(quantise_into(std::span(x), std::span(reinterpret_cast<std::uint8_t*>(x.data()) + 8, 50), std::span(scales)) ==
        errc::overlap);
  auto* const odd = reinterpret_cast<float*>(reinterpret_cast<std::byte*>(x.data()) + 2);
  CHECK(quantise_into(std::span(odd, 64), std::span(codes).first(32), std::span(scales).first(1)) ==
        errc::misaligned_span);
  CHECK(code_of([&] { dequantise<nf4<64>>(codes, scales, std::span(out).first(98)); }) == errc::size);
  CHECK(code_of([&] { dequantise<nf4<64>>(codes, std::span(scales).first(1), out); }) == errc::size);
  for (const std::uint8_t c : codes) CHECK(c == 9);
  for (const float v : out) CHECK(v == -1.0f);
  for (const float v : scales) CHECK(v == -1.0f);
  const error e = optim_test::caught([&] { quantise<nf4<64>>(x, std::span(codes).first(49), scales); });
  CHECK(e.what() == std::string("the codes have 49 elements, expected 50"));
  CHECK(e.expected() == 50);
  CHECK(e.got() == 49);
}

TEST_CASE("store quantise: nested scales") {
  std::vector<float> x = support::normals(40000, 11);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] *= i < 20000 ? 1.0f : 3.0f;  // blocks of unlike scales
  std::fill(x.begin() + 640, x.begin() + 704, 0.0f);                           // and one of zeros
  const coded<nf4<64>> c(x);
  std::vector<std::uint8_t> codes(c.scales.size());
  std::vector<float> outer((c.scales.size() + 255) / 256);
  const float offset = quantise_scales(c.scales, codes, outer);
  const double mean = std::accumulate(c.scales.begin(), c.scales.end(), 0.0) / static_cast<double>(c.scales.size());
  CHECK(offset == doctest::Approx(mean));

  const nested_scales nested{codes, outer, offset};
  std::vector<float> y(x.size());
  dequantise<nf4<64>>(c.codes, nested, y);
  CHECK(support::first_difference(y, decode_nested(c, nested)) == -1);
  for (std::size_t i = 640; i < 704; ++i) CHECK(bits_of(y[i]) == 0);  // its scale is not zero, its codes are
  double worst = 0, spread = 0;
  const std::vector<float> direct = c.decoded();
  for (std::size_t i = 0; i < x.size(); ++i)
    worst = std::max(worst, std::abs(static_cast<double>(y[i]) - static_cast<double>(direct[i])));
  for (const float s : c.scales) spread = std::max(spread, std::abs(static_cast<double>(s) - mean));
  CHECK(worst <= 0.00704 * spread);
  CHECK(worst > 0);
}

TEST_CASE("store quantise: a nested scale is never negative, and never NaN") {
  std::vector<float> scales(300, 1.0f);
  scales[7] = 1e-6f;  // its distance from the mean is the largest, and has no code of its own
  scales[8] = 0.0f;
  std::vector<std::uint8_t> codes(300), weights(300 * 32, 0xff);
  std::vector<float> outer(2), out(300 * 64);
  const nested_scales nested{codes, outer, quantise_scales(scales, codes, outer)};
  dequantise<nf4<64>>(weights, nested, out);
  for (const float v : out) CHECK(v >= 0);
  for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    scales[100] = bad;
    CHECK(code_of([&] { quantise_scales(scales, codes, outer); }) == errc::nonfinite);
  }
  CHECK(code_of([&] {
          dequantise<nf4<64>>(weights, nested_scales{codes, std::span(outer).first(1), 0}, out);
        }) == errc::size);
}
