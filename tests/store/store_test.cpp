// store/: what every store promises: it reads what it was given, at every position, and writes nothing else
#include "mango/store/store.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "mango/core/philox.hpp"
#include "mango/store/bf16.hpp"
#include "mango/store/fp16.hpp"
#include "mango/store/fp32.hpp"
#include "mango/store/kahan.hpp"
#include "support/compare.hpp"
#include "support/guarded.hpp"
#include "support/random.hpp"

using namespace mango;
using support::bits_of;
using support::guarded;

namespace {

constexpr auto lanes = static_cast<std::size_t>(packet::lanes);

// A store's memory with sentinels around each part, and its view.
template <class S> struct memory {
  std::vector<guarded<std::uint16_t>> parts;
  typename S::view view;

  memory(std::size_t n, std::size_t past) {
    std::byte* at[S::parts.size()];
    std::size_t k = 0;
    for (const part& p : S::parts) {
      const std::size_t halves = static_cast<std::size_t>(size_of(p.type)) / 2;
      parts.emplace_back(n * halves, past * halves);
      at[k++] = reinterpret_cast<std::byte*>(parts.back().data());
    }
    view = S::bind(at);
  }
  bool check() const {
    bool intact = true;
    for (const auto& p : parts) intact = intact && p.check();
    return intact;
  }
  std::vector<std::uint16_t> contents() const {
    std::vector<std::uint16_t> all;
    for (const auto& p : parts) all.insert(all.end(), p.span().begin(), p.span().end());
    return all;
  }
};

constexpr philox_key key{.seed = 3, .tensor = 4};

template <class At> auto noise_for(At at) {
  if constexpr (std::is_same_v<At, one>) return random16(key, at.i);
  else {
    packet::bits all;
    for (int k = 0; k < packet::lanes; ++k) all[k] = random16(key, at.i + k);
    return all;
  }
}

// x through a store as whole packets, the last few elements and, on the other side, one by one: both memories the same
template <class S> void check_positions(std::size_t n, std::size_t past, std::uint64_t seed) {
  CAPTURE(n);
  CAPTURE(past);
  const std::vector<float> x = support::spread(n, seed, -60, 60);
  memory<S> packets(n, past), ones(n, past);
  const auto size = static_cast<index_t>(n);
  index_t i = 0;
  for (; i + packet::lanes <= size; i += packet::lanes)
    S::save(packets.view, whole{i}, load(x.data(), whole{i}), noise_for(whole{i}));
  const part_of rest{i, static_cast<int>(size - i)};
  if (rest.count > 0) S::save(packets.view, rest, load(x.data(), rest), noise_for(rest));
  for (i = 0; i < size; ++i) S::save(ones.view, one{i}, x[static_cast<std::size_t>(i)], noise_for(one{i}));
  CHECK(packets.contents() == ones.contents());
  CHECK((packets.check() && ones.check()));

  int wrong = 0;
  for (i = 0; i + packet::lanes <= size; i += packet::lanes)
    for (int k = 0; k < packet::lanes; ++k)
      wrong += bits_of(S::load(packets.view, whole{i})[k]) != bits_of(S::load(packets.view, one{i + k}));
  for (int k = 0; k < rest.count; ++k)
    wrong += bits_of(S::load(packets.view, rest)[k]) != bits_of(S::load(packets.view, one{i + k}));
  CHECK(wrong == 0);
}

template <class S> void check_everywhere() {
  for (const std::size_t n : {std::size_t{0}, std::size_t{1}, lanes - 1, lanes, lanes + 1, 2 * lanes, 3 * lanes + 5})
    for (const std::size_t past : {0u, 1u, 7u, 15u}) check_positions<S>(n, past, n + past);
}

// The bits that a store says it takes are the bits of its parts, and every part starts at zero.
template <class S> void check_description(const char* name) {
  const shape s{3, 5};
  double bits = 0;
  int k = 0;
  for (const part& p : S::parts) bits += 8.0 * static_cast<double>(size_of(p.type) * S::elements(k++, s)) / 15;
  CHECK(bits == S::bits);
  CHECK(S::name == std::string(name));
  memory<S> fresh(lanes, 0);
  for (int lane = 0; lane < packet::lanes; ++lane) CHECK(bits_of(S::load(fresh.view, whole{0})[lane]) == 0);
}

}  // namespace

using fp16_root = bound_store<fp16, range::nonnegative>;
static_assert(store<bound_store<fp16, range::any>> && store<fp16_root> && any_store<fp16>);
static_assert(store<fp32> && store<bf16> && store<kahan> && !store<int>);
static_assert(stores<>::count == 0);
static_assert(stores<fp32, bf16, kahan>::count == 3);
static_assert(bf16::rounds && !fp32::rounds && !kahan::rounds);

TEST_CASE("store fp32: every position") { check_everywhere<fp32>(); }
TEST_CASE("store bf16: every position") { check_everywhere<bf16>(); }
TEST_CASE("store fp16: every position") { check_everywhere<rounded<float16>>(); }
TEST_CASE("store kahan: every position") {
  check_everywhere<kahan>();
  check_everywhere<compensated<float16>>();
}

TEST_CASE("store: descriptions") {
  check_description<fp32>("fp32");
  check_description<bf16>("bf16");
  check_description<rounded<float16>>("fp16");
  check_description<fp16_root>("fp16");
  check_description<kahan>("kahan");
  check_description<compensated<float16>>("kahan");
  CHECK(kahan::parts[1].name == std::string("compensation"));
}

TEST_CASE("store fp32: exact, NaN and infinity included") {
  float x = 0;
  const fp32::view view{&x};
  for (const auto& patterns :
       {std::vector<std::uint32_t>(std::begin(support::finite_patterns), std::end(support::finite_patterns)),
        std::vector<std::uint32_t>(std::begin(support::nonfinite_patterns), std::end(support::nonfinite_patterns))})
    for (const std::uint32_t pattern : patterns) {
      fp32::save(view, one{0}, std::bit_cast<float>(pattern), 0xffffu);
      CHECK(bits_of(fp32::load(view, one{0})) == pattern);
    }
}

TEST_CASE("store bf16: numbers that fit are exact, others move to a neighbour by chance") {
  bfloat16 x;
  const bf16::view view{&x};
  const auto saved = [&](float value, std::uint32_t noise) {
    bf16::save(view, one{0}, value, noise);
    return bf16::load(view, one{0});
  };
  for (const std::uint32_t noise : {0u, 0x7fffu, 0xffffu}) {
    CHECK(saved(1.5f, noise) == 1.5f);
    CHECK(saved(-0x1p-133f, noise) == -0x1p-133f);
    CHECK(bits_of(saved(-0.0f, noise)) == 0x80000000u);
  }
  CHECK(saved(1.001f, 0) == 1.0f);
  CHECK(saved(1.001f, 0xffff) == 1.0078125f);
  CHECK(saved(-1.001f, 0xffff) == -1.0078125f);
}

TEST_CASE("store bf16: the mean of many saves is what was saved") {
  constexpr index_t n = 100000;
  std::vector<bfloat16> stored(n);
  for (const float x : {0.001f, -0.999f, 3.14159f, 1e-20f}) {
    CAPTURE(x);
    for (index_t i = 0; i + packet::lanes <= n; i += packet::lanes)
      bf16::save({stored.data()}, whole{i}, packet(x), noise_for(whole{i}));
    const double exact = static_cast<double>(x), step = std::ldexp(1.0, std::ilogb(x) - 7);
    double mean = 0, furthest = 0;
    for (index_t i = 0; i < n; ++i) {
      const double read = static_cast<double>(bf16::load({stored.data()}, one{i}));
      mean += read / static_cast<double>(n);
      furthest = std::max(furthest, std::abs(read - exact));
    }
    CHECK(furthest < step);
    CHECK(std::abs(mean - exact) < 5 * step / 2 / std::sqrt(n));
  }
}

// v <- 0.999 v + 0.001: to nearest, v stops moving early; 4096 copies of v reach 1 - 0.999^t on average
template <class S, half E> void follows_its_mean() {
  std::vector<E> v(4096);
  float nearest = 0;
  for (std::uint32_t t = 1; t <= 500; ++t) {
    for (index_t i = 0; i < 4096; ++i)
      S::save({v.data()}, one{i}, 0.999f * S::load({v.data()}, one{i}) + 0.001f, random16({.epoch = t}, i));
    nearest = to_float(round_nearest<E>(0.999f * nearest + 0.001f));
  }
  double mean = 0;
  for (index_t i = 0; i < 4096; ++i) mean += static_cast<double>(S::load({v.data()}, one{i})) / 4096;
  const double exact = 1 - std::pow(0.999, 500);
  CHECK(std::abs(mean - exact) < 0.01 * exact);
  if constexpr (std::same_as<E, bfloat16>) CHECK(std::abs(static_cast<double>(nearest) - exact) > 0.1 * exact);
}

TEST_CASE("store: a moment of 16 bits that changes by a thousandth per step still follows its mean") {
  follows_its_mean<bf16, bfloat16>();
  follows_its_mean<rounded<float16>, float16>();
  follows_its_mean<fp16_root, float16>();
}

TEST_CASE("store fp16: a second moment keeps the range of its gradients") {
  float16 kept;
  const fp16_root::view view{&kept};
  const auto saved = [&](float v, std::uint32_t noise) {
    fp16_root::save(view, one{0}, v, noise);
    return fp16_root::load(view, one{0});
  };
  for (const float g : {1e-5f, 3e-4f, 0.25f, 700.0f, 6e4f})
    for (const std::uint32_t noise : {0u, 0x7fffu, 0xffffu}) {
      CAPTURE(g);
      const double v = static_cast<double>(g) * static_cast<double>(g), place = g < 6e-5f ? 0x1p-24 / 1e-5 : 0x1p-10;
      CHECK(std::abs(static_cast<double>(saved(g * g, noise)) / v - 1) <= 2.1 * place);
    }
  CHECK(saved(1e38f, 0) == largest_half * largest_half);
  CHECK(saved(0.0f, 0xffff) == 0.0f);
  CHECK(fp16_root::parts[0].name == std::string("root"));
}
