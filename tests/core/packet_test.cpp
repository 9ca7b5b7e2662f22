// core/packet.hpp and core/math.hpp: a packet computes in every lane what a float computes
#include "mango/core/packet.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "mango/core/math.hpp"
#include "support/compare.hpp"
#include "support/guarded.hpp"
#include "support/random.hpp"

using namespace mango;
using support::bits_of;

namespace {

constexpr auto lanes = static_cast<std::size_t>(packet::lanes);

// Numbers of every kind, NaN and infinity included.
std::vector<float> assortment(std::size_t n, std::uint64_t seed) {
  support::random source(seed);
  std::vector<float> all(n);
  for (float& x : all) {
    const std::size_t kind = source.below(4);
    if (kind == 0)
      x = std::bit_cast<float>(support::finite_patterns[source.below(std::size(support::finite_patterns))]);
    else if (kind == 1) x = std::bit_cast<float>(static_cast<std::uint32_t>(source.next()));
    else if (kind == 2) x = static_cast<float>(source.normal());
    else x = std::bit_cast<float>(support::nonfinite_patterns[source.below(std::size(support::nonfinite_patterns))]);
  }
  return all;
}

// The same bits; a NaN that was computed may have any payload.
bool same(float a, float b) { return bits_of(a) == bits_of(b) || (std::isnan(a) && std::isnan(b)); }

// Lanes in which f of packets differs from f of floats, over many pairs of numbers.
template <class F> int differences(F f) {
  const std::vector<float> a = assortment(8192, 1), b = assortment(8192, 2);
  int wrong = 0;
  for (std::size_t i = 0; i < a.size(); i += lanes) {
    const packet both = f(load(&a[i]), load(&b[i]));
    for (std::size_t k = 0; k < lanes; ++k) wrong += !same(both[static_cast<int>(k)], f(a[i + k], b[i + k]));
  }
  return wrong;
}

}  // namespace

TEST_CASE("core packet: arithmetic is that of each float") {
  CHECK(differences([](auto a, auto b) { return a + b; }) == 0);
  CHECK(differences([](auto a, auto b) { return a - b; }) == 0);
  CHECK(differences([](auto a, auto b) { return a * b; }) == 0);
  CHECK(differences([](auto a, auto b) { return a / b; }) == 0);
  CHECK(differences([](auto a, auto) { return -a; }) == 0);
  CHECK(differences([](auto a, auto b) { return a += b; }) == 0);
  CHECK(differences([](auto a, auto b) { return a -= b; }) == 0);
  CHECK(differences([](auto a, auto b) { return a *= b; }) == 0);
}

TEST_CASE("core packet: comparisons choose as they do for each float") {
  CHECK(differences([](auto a, auto b) { return math::select(a < b, a, b); }) == 0);
  CHECK(differences([](auto a, auto b) { return math::select(a > b, a, b); }) == 0);
  CHECK(differences([](auto a, auto b) { return math::select(a <= b, a, -b); }) == 0);
  CHECK(differences([](auto a, auto b) { return math::select(a >= b, a, -b); }) == 0);
  CHECK(differences([](auto a, auto b) { return math::min(a, b); }) == 0);
  CHECK(differences([](auto a, auto b) { return math::max(a, b); }) == 0);
  CHECK(differences([](auto a, auto) { return math::abs(a); }) == 0);
  CHECK(differences([](auto a, auto) { return math::sqrt(a); }) == 0);
  CHECK(differences([](auto a, auto) { return math::sign(a); }) == 0);
}

TEST_CASE("core math: values on one float") {
  CHECK(math::min(1.0f, 2.0f) == 1.0f);
  CHECK(math::min(2.0f, 1.0f) == 1.0f);
  CHECK(math::max(1.0f, 2.0f) == 2.0f);
  CHECK(math::max(2.0f, 1.0f) == 2.0f);
  CHECK(math::select(true, 1.0f, 2.0f) == 1.0f);
  CHECK(math::select(false, 1.0f, 2.0f) == 2.0f);
  CHECK(bits_of(math::abs(-0.0f)) == 0);
  CHECK(math::abs(-3.5f) == 3.5f);
  CHECK(bits_of(math::sqrt(-0.0f)) == 0x80000000u);
  CHECK(std::isnan(math::sqrt(-1.0f)));
  CHECK((math::sign(1e-40f) == 1 && math::sign(-INFINITY) == -1));
  CHECK((bits_of(math::sign(0.0f)) == 0 && bits_of(math::sign(-0.0f)) == 0x80000000u && std::isnan(math::sign(NAN))));
  CHECK(std::isinf(math::sqrt(INFINITY)));
}

TEST_CASE("core math: the root of a packet is correctly rounded") {
  // sqrt in double, rounded to float, is the correctly rounded root of a float: 53 >= 2 * 24 + 2 (Figueroa 1995)
  support::random source(5);
  int wrong = 0;
  for (int round = 0; round < 20000; ++round) {
    float x[lanes];
    for (float& one : x) one = std::bit_cast<float>(static_cast<std::uint32_t>(source.next()) % 0x7f800000u);
    if (round == 0)  // perfect squares, and the smallest and largest numbers
      for (std::size_t k = 0; k < lanes; ++k)
        x[k] = k % 4 == 0 ? 0x1p-149f : k % 4 == 1 ? 49.0f : k % 4 == 2 ? 3.4e38f : 0.0f;
    const packet root = math::sqrt(load(x));
    for (std::size_t k = 0; k < lanes; ++k)
      wrong += bits_of(root[static_cast<int>(k)]) != bits_of(static_cast<float>(std::sqrt(static_cast<double>(x[k]))));
  }
  CHECK(wrong == 0);
}

TEST_CASE("core packet: one float in all lanes, its bits unchanged") {
  for (const std::uint32_t pattern : support::finite_patterns) {
    const packet all(std::bit_cast<float>(pattern));
    for (int k = 0; k < packet::lanes; ++k) CHECK(bits_of(all[k]) == pattern);
  }
  const packet infinite(-INFINITY), nan(std::bit_cast<float>(0x7fc00000u));
  CHECK(infinite[packet::lanes - 1] == -INFINITY);
  CHECK(std::isnan(nan[0]));
}

TEST_CASE("core packet: lanes are set and read one at a time") {
  packet x(1.0f);
  for (int k = 0; k < packet::lanes; ++k) x.set(k, static_cast<float>(k) - 2);
  for (int k = 0; k < packet::lanes; ++k) CHECK(x[k] == static_cast<float>(k) - 2);
}

TEST_CASE("core packet: bits travel both ways unchanged") {
  std::vector<std::uint32_t> patterns(std::begin(support::nonfinite_patterns), std::end(support::nonfinite_patterns));
  patterns.insert(patterns.end(), std::begin(support::finite_patterns), std::end(support::finite_patterns));
  patterns.resize((patterns.size() + lanes - 1) / lanes * lanes);
  for (std::size_t i = 0; i < patterns.size(); i += lanes) {
    packet::bits in;
    for (std::size_t k = 0; k < lanes; ++k) in[static_cast<int>(k)] = patterns[i + k];
    const packet::bits out = to_bits(from_bits(in));
    for (std::size_t k = 0; k < lanes; ++k) CHECK(out[static_cast<int>(k)] == patterns[i + k]);
  }
}

TEST_CASE("core packet: loads and saves at any alignment, nothing beyond") {
  for (std::size_t past = 0; past < 16; ++past) {
    CAPTURE(past);
    const support::guarded<float> from(support::normals(lanes, 3), past);
    support::guarded<bfloat16> halves(lanes, past);
    support::guarded<std::uint16_t> words(lanes, past);
    support::guarded<float> to(lanes, past);
    for (std::size_t k = 0; k < lanes; ++k)
      halves[k] = {static_cast<std::uint16_t>(0x3f80 + 3 * k)}, words[k] = static_cast<std::uint16_t>(0xffff - k);
    const packet::bits bits = load_bits(from.data()), wide = load_bits(halves.data()), whole = load_bits(words.data());
    const packet values = load(halves.data());
    save(to.data(), load(from.data()));
    CHECK(support::first_difference(to.span(), from.span()) == -1);
    for (std::size_t k = 0; k < lanes; ++k) {
      const int lane = static_cast<int>(k);
      CHECK(bits[lane] == bits_of(from[k]));
      CHECK(wide[lane] == std::uint32_t{halves[k].bits} << 16);
      CHECK(bits_of(values[lane]) == std::uint32_t{halves[k].bits} << 16);
      CHECK(whole[lane] == words[k]);
    }
    support::guarded<bfloat16> written(lanes, past);
    save_halves(written.data(), whole + 0xabcd0000u);  // the upper halves of the lanes are not looked at
    for (std::size_t k = 0; k < lanes; ++k) CHECK(written[k].bits == words[k]);
    CHECK(to.check());
    CHECK(written.check());
  }
}
