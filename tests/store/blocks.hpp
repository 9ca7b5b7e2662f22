#pragma once
// what the tests of block-wise stores share: memory with sentinels, numbers, and every store
#include "mango/store/blockwise.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include "mango/core/philox.hpp"
#include "mango/pass/team.hpp"
#include "mango/store/dynamic8.hpp"
#include "mango/store/linear4.hpp"
#include "mango/store/linear8.hpp"
#include "mango/store/nf4.hpp"
#include "support/compare.hpp"
#include "support/guarded.hpp"
#include "support/random.hpp"
#include "support/warp.hpp"

using namespace mango;
using support::bits_of;
using support::guarded;

namespace {

template <class Family> using any_sign = typename Family::template of<range::any>;
template <class Family> using no_sign = typename Family::template of<range::nonnegative>;
using half_scaled = nf4<64, rounding::stochastic, float16>;
using dynamic_nearest = any_sign<dynamic8<256>>;
using dynamic_unsigned = no_sign<dynamic8<256>>;

constexpr philox_key key{.seed = 5, .tensor = 6};

// Memory for n numbers with sentinels around it, and blocks written and read by one thread
template <class S> struct memory {
  guarded<std::uint8_t> codes;
  guarded<typename S::scale_type> scales;
  index_t n;

  explicit memory(index_t count, std::size_t past = 0)
      : codes(static_cast<std::size_t>(S::code_bytes(count)), past),
        scales(static_cast<std::size_t>(S::scales(count)), past),
        n(count) {
    std::fill_n(codes.data(), codes.size(), S::fill);
  }
  typename S::view view() { return {codes.data(), scales.data()}; }
  bool check() const { return codes.check() && scales.check(); }
  int count_at(index_t begin) const { return static_cast<int>(std::min<index_t>(S::block, n - begin)); }

  static constexpr auto packets = static_cast<std::size_t>(S::block / packet::lanes);
  // what lies past the end is given as NaN: it must not matter
  int save(const std::vector<float>& x, std::uint32_t epoch = 0) {
    philox_key k = key;
    k.epoch = epoch;
    int nonfinite = 0;
    for (index_t begin = 0; begin < n; begin += S::block) {
      packet p[packets];
      std::uint16_t noise[S::block];
      for (int i = 0; i < S::block; ++i) {
        const auto at = static_cast<std::size_t>(i / packet::lanes);
        const bool exists = begin + i < n;
        p[at].set(i % packet::lanes, exists ? x[static_cast<std::size_t>(begin + i)] : NAN);
        noise[i] = static_cast<std::uint16_t>(S::rounds ? random16(k, begin + i) : 0xffffu);
      }
      nonfinite += S::save(solo{}, view(), begin, count_at(begin), p, noise);
    }
    return nonfinite;
  }
  std::vector<float> load() {
    std::vector<float> x(static_cast<std::size_t>(n));
    int past_end = 0;
    for (index_t begin = 0; begin < n; begin += S::block) {
      packet p[packets];
      S::load(solo{}, view(), begin, count_at(begin), p);
      for (int i = 0; i < S::block; ++i) {
        const float value = p[i / packet::lanes][i % packet::lanes];
        if (begin + i < n) x[static_cast<std::size_t>(begin + i)] = value;
        else past_end += bits_of(value) != 0;
      }
    }
    CHECK(past_end == 0);
    return x;
  }
};

template <class S> std::vector<float> through(const std::vector<float>& x) {
  memory<S> m(static_cast<index_t>(x.size()));
  m.save(x);
  return m.load();
}

template <class S> std::vector<float> numbers(std::size_t n, std::uint64_t seed, double scale = 1) {
  std::vector<float> x = support::normals(n, seed, scale);
  if (S::map::nonnegative)
    for (float& v : x) v = std::abs(v);
  return x;
}

// Blocks of every code at a scale, the largest magnitude first in each
template <class S> std::vector<float> all_codes(float scale) {
  std::vector<float> x;
  for (int code = S::map::first; code <= S::map::last; ++code) {
    if (x.size() % S::block == 0) x.push_back(scale);
    x.push_back(S::map::template value<float>(static_cast<std::uint32_t>(code)) * scale);
  }
  return x;
}

template <class S> double largest_error(const std::vector<float>& x) {
  const std::vector<float> y = through<S>(x);
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    worst = std::max(worst, std::abs(static_cast<double>(y[i]) - static_cast<double>(x[i])));
  return worst;
}

// Calls f with every store, as template argument
template <class F> void every_store(F f) {
  f.template operator()<any_sign<nf4<32>>>();
  f.template operator()<any_sign<nf4<64>>>();
  f.template operator()<any_sign<half_scaled>>();
  f.template operator()<any_sign<nf4<64, rounding::nearest>>>();
  f.template operator()<no_sign<nf4<64>>>();
  f.template operator()<any_sign<linear4<64>>>();
  f.template operator()<any_sign<linear8<256>>>();
  f.template operator()<any_sign<linear8<128, rounding::stochastic>>>();
  f.template operator()<dynamic_nearest>();
  f.template operator()<dynamic_unsigned>();
  f.template operator()<any_sign<dynamic8<2048>>>();
  f.template operator()<no_sign<dynamic8<64, rounding::nearest>>>();
}

}  // namespace
