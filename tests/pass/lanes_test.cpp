// pass/lanes.hpp: the fused loop against the twin, at every size and alignment, in any order of chunks
#include "mango/pass/lanes.hpp"

#include <doctest/doctest.h>

#include <numeric>

#include "mango/rule/adam.hpp"
#include "mango/rule/weight_decay.hpp"
#include "mango/store/bf16.hpp"
#include "mango/store/fp32.hpp"
#include "support/compare.hpp"
#include "support/guarded.hpp"
#include "support/one_pass.hpp"
#include "support/random.hpp"
#include "support/reference.hpp"

using namespace mango;
using support::guarded;
using support::one_pass;
using support::views;

namespace {

constexpr index_t wide = packet::lanes, chunk = chunk_elements;

auto adamw(double lr) { return chain(scale_by_adam{}, decoupled_step{lr, 0.1}); }

// AdamW on arrays with sentinels around each.
struct run {
  guarded<float> p, g, m, v;

  run(std::size_t n, std::size_t past)
      : p(support::normals(n, 1), past), g(n, (past + 3) % 16), m(n, past), v(n, (past + 9) % 16) {}

  void step(std::int64_t t, float scale = 1) {
    const std::vector<float> drawn = support::spread(p.size(), static_cast<std::uint64_t>(t), -10, 10);
    std::copy(drawn.begin(), drawn.end(), g.data());
    one_pass(adamw(1e-2), {.t = t}, in_place<fp32>{{p.data()}}, static_cast<const float*>(g.data()),
             views<fp32, fp32>({m.data()}, {v.data()}), scale)(0, static_cast<index_t>(p.size()));
  }
  bool intact() const { return p.check() && g.check() && m.check() && v.check(); }
};

// The largest error of a few steps in p, as a share of |p| and of the distance; and m and v to a few ulp.
void check_size(index_t size, std::size_t past) {
  CAPTURE(size);
  CAPTURE(past);
  const auto n = static_cast<std::size_t>(size);
  run ours(n, past);
  reference::adam twin{.lr = 1e-2, .decay = 0.1};
  reference::numbers p = support::doubles(ours.p.span());
  support::worst of_p, of_v;
  for (std::int64_t t = 1; t <= 2; ++t) {
    ours.step(t, 0.5f);
    reference::numbers g = support::doubles(ours.g.span());
    for (double& x : g) x /= 2;
    twin.step(p, g);
    for (std::size_t i = 0; i < n; ++i) {
      of_p.add(static_cast<double>(ours.p[i]), p[i], std::abs(p[i]) + 0.01, static_cast<index_t>(i));
      of_v.add(static_cast<double>(ours.v[i]), twin.v[i], twin.v[i], static_cast<index_t>(i));
    }
  }
  CAPTURE(of_p.at);
  CHECK(of_p.error <= 5 * support::unit);
  CHECK(of_v.error <= 8 * support::unit);
  CHECK(ours.intact());
}

// Two slots that keep the update as it is.
struct keep_twice {
  static constexpr std::array slots{slot{"first"}, slot{"second"}};
  struct frame {};
  frame fold(const step_info&) const { return {}; }
  template <class T> MANGO_HD static T apply(const frame&, T u, T& first, T& second) { return first = second = u; }
};

}  // namespace

TEST_CASE("pass lanes: against the twin at every kind of size") {
  for (const index_t n :
       {index_t{0}, index_t{1}, index_t{2}, index_t{3}, index_t{5}, index_t{7}, wide - 1, wide, wide + 1, 2 * wide - 1,
        2 * wide, index_t{61}, index_t{127}, index_t{128}, index_t{129}, index_t{251}, index_t{1009}, index_t{4099}})
    check_size(n, 0);
  for (const index_t n : {chunk - 1, chunk, chunk + 1}) check_size(n, 1);
}

TEST_CASE("pass lanes: against the twin at every misalignment") {
  for (const index_t n : {index_t{0}, index_t{1}, wide - 1, wide, wide + 1, index_t{129}})
    for (std::size_t past = 0; past < 16; ++past) check_size(n, past);
}

TEST_CASE("pass lanes: alignment does not change a bit") {
  run aligned(259, 0);
  for (std::int64_t t = 1; t <= 3; ++t) aligned.step(t);
  for (std::size_t past = 1; past < 16; ++past) {
    run moved(259, past);
    for (std::int64_t t = 1; t <= 3; ++t) moved.step(t);
    CHECK(support::first_difference(moved.p.span(), std::as_const(aligned.p).span()) == -1);
    CHECK(support::first_difference(moved.v.span(), std::as_const(aligned.v).span()) == -1);
  }
}

TEST_CASE("pass lanes: a range writes nothing outside itself") {
  guarded<float> p(1000, 3), g(support::normals(1000, 2), 5);
  one_pass(chain(), {}, in_place<fp32>{{p.data()}}, static_cast<const float*>(g.data()), views<>())(256, 389);
  for (std::size_t i = 0; i < 1000; ++i) CHECK(p[i] == (i >= 256 && i < 389 ? g[i] : 0));
  CHECK(p.check());
}

TEST_CASE("pass lanes: reads nothing beyond the end of an allocation") {  // for sanitizers: no sentinels here
  for (std::size_t n = 1; n <= 2 * static_cast<std::size_t>(wide) + 1; ++n) {
    std::vector<float> p = support::normals(n, 1), m(n);
    const std::vector<float> before = p;
    std::vector<bfloat16> g(n), v(n);
    for (std::size_t i = 0; i < n; ++i) g[i] = round_nearest(1.0f + static_cast<float>(i));
    one_pass(adamw(1), {}, in_place<fp32>{{p.data()}}, static_cast<const bfloat16*>(g.data()),
             views<fp32, bf16>({m.data()}, {v.data()}))(0, static_cast<index_t>(n));
    int unmoved = 0;
    for (std::size_t i = 0; i < n; ++i) unmoved += p[i] == before[i] || m[i] == 0 || v[i].bits == 0;
    CHECK(unmoved == 0);
  }
}

TEST_CASE("pass lanes: a bfloat16 gradient is the float that it stands for") {
  const std::size_t n = 131;
  std::vector<float> p = support::normals(n, 1), q = p, m(n), v(n), w(n), x(n), as_float(n);
  std::vector<bfloat16> g(n);
  for (std::size_t i = 0; i < n; ++i) as_float[i] = to_float(g[i] = round_nearest(support::normals(n, 2)[i]));
  one_pass(adamw(0.1), {}, in_place<fp32>{{p.data()}}, static_cast<const bfloat16*>(g.data()),
           views<fp32, fp32>({m.data()}, {v.data()}), 3)(0, n);
  one_pass(adamw(0.1), {}, in_place<fp32>{{q.data()}}, static_cast<const float*>(as_float.data()),
           views<fp32, fp32>({w.data()}, {x.data()}), 3)(0, n);
  CHECK(support::first_difference(p, q) == -1);
  CHECK(support::first_difference(v, x) == -1);
  CHECK(p != support::normals(n, 1));
}

TEST_CASE("pass lanes: each slot and the parameter round with a stream of their own") {
  const std::size_t n = 3 * noise_elements + 37;
  const philox_key key{.seed = 99, .tensor = name_hash("w"), .epoch = 12};
  const std::vector<float> g = support::normals(n, 5);
  std::vector<bfloat16> p(n), first(n), second(n);
  one_pass(chain(keep_twice{}), {}, in_place<bf16>{{p.data()}}, g.data(),
           views<bf16, bf16>({first.data()}, {second.data()}), 1, key)(0, static_cast<index_t>(n));
  std::vector<float> exact(n);
  std::vector<bfloat16> q(n), after_fp32(n);
  one_pass(chain(keep_twice{}), {}, in_place<bf16>{{q.data()}}, g.data(),
           views<fp32, bf16>({exact.data()}, {after_fp32.data()}), 1, key)(0, static_cast<index_t>(n));
  int wrong = 0, different = 0;
  const auto rounded = [&](std::size_t i, std::uint8_t stream) {
    philox_key k = key;
    k.stream = stream;
    return round_stochastic(g[i], random16(k, static_cast<index_t>(i)));
  };
  for (std::size_t i = 0; i < n; ++i) {
    wrong += !(first[i] == rounded(i, 0) && second[i] == rounded(i, 1) && p[i] == rounded(i, 0x80));
    wrong += !(exact[i] == g[i] && after_fp32[i] == second[i] && q[i] == p[i]);
    different += !(first[i] == second[i]) + !(first[i] == p[i]);
  }
  CHECK(wrong == 0);
  CHECK(different > 200);
}

TEST_CASE("pass lanes: the same bits however the range is cut, in any order") {
  const index_t n = 2 * chunk + 77;
  const auto size = static_cast<std::size_t>(n);
  const std::vector<float> g = support::spread(size, 4);
  struct outcome {
    std::vector<bfloat16> p, m, v;
  };
  const auto cut = [&](const std::vector<index_t>& starts, index_t length) {
    outcome all{std::vector<bfloat16>(size, bfloat16{0x3f80}), std::vector<bfloat16>(size),
                std::vector<bfloat16>(size)};
    for (std::int64_t t = 1; t <= 2; ++t) {
      const auto pass = one_pass(adamw(1e-2), {.t = t}, in_place<bf16>{{all.p.data()}}, g.data(),
                                 views<bf16, bf16>({all.m.data()}, {all.v.data()}), 1,
                                 {.seed = 1, .epoch = static_cast<std::uint32_t>(t)});
      for (const index_t begin : starts) pass(begin, std::min(n, begin + length));
    }
    return all;
  };
  const auto starts = [&](index_t length, bool reversed) {
    std::vector<index_t> all;
    for (index_t begin = 0; begin < n; begin += length) all.push_back(begin);
    if (reversed) std::reverse(all.begin(), all.end());
    return all;
  };
  const outcome whole = cut({0}, n);
  for (const index_t length : {chunk, index_t{128}, index_t{128 * 7}})
    for (const bool reversed : {false, true}) {
      const outcome parts = cut(starts(length, reversed), length);
      CHECK(support::first_difference(parts.p, whole.p) == -1);
      CHECK(support::first_difference(parts.m, whole.m) == -1);
      CHECK(support::first_difference(parts.v, whole.v) == -1);
    }
  CHECK(whole.v[size - 1].bits + whole.v[size - 2].bits != 0);
}

TEST_CASE("pass lanes: chunks of a tensor") {
  static_assert(chunk_elements % noise_elements == 0 && noise_elements % packet::lanes == 0);
  CHECK(chunk_count(0) == 0);
  CHECK(chunk_count(1) == 1);
  CHECK(chunk_count(chunk) == 1);
  CHECK(chunk_count(chunk + 1) == 2);
  CHECK(chunk_count(10 * chunk) == 10);
}
