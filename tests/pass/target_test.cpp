// pass/target.hpp: where p + u goes, bit for bit
#include "mango/pass/target.hpp"

#include <doctest/doctest.h>

#include "mango/rule/momentum.hpp"
#include "mango/rule/weight_decay.hpp"
#include "mango/store/fp32.hpp"
#include "mango/store/rounded.hpp"
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

constexpr philox_key key{.seed = 5, .tensor = 6, .epoch = 7};

// The parameter in every form at once, those of 16 bits as H, with sentinels around each array.
template <half H> struct forms {
  std::size_t n;
  guarded<float> p, delta;
  guarded<H> half;
  guarded<bfloat16> compensation;

  forms(std::size_t size, std::size_t past)
      : n(size),
        p(support::normals(size, 1), past),
        delta(size, past + 1),
        half(size, past + 2),
        compensation(size, past + 3) {
    for (std::size_t i = 0; i < n; ++i)
      half[i] = round_nearest<H>(p[i]), compensation[i] = round_nearest(p[i] * 0x1p-12f);
  }
  bool intact() const { return p.check() && delta.check() && half.check() && compensation.check(); }

  template <class Target, class G> void add(Target target, const guarded<G>& g) {
    one_pass(chain(), {}, target, g.data(), views<>(), 1, key)(0, static_cast<index_t>(n));
  }
};

guarded<float> gradient(std::size_t n, std::size_t past, float) { return {support::spread(n, 2, -9, 1), past}; }
template <half G> guarded<G> gradient(std::size_t n, std::size_t past, G) {
  const std::vector<float> numbers = support::spread(n, 2, -9, 1);
  std::vector<G> g(n);
  for (std::size_t i = 0; i < n; ++i) g[i] = round_nearest<G>(numbers[i]);
  return {g, past};
}

// The empty chain's update is the gradient, so what is to be stored is one float addition of known numbers.
template <half H, class G> void check_targets(std::size_t n, std::size_t past) {
  CAPTURE(n);
  CAPTURE(past);
  const auto g = gradient(n, past, G{});
  const forms<H> before(n, past);
  forms<H> fp(n, past), master(n, past), nearest(n, past), stochastic(n, past), pair(n, past), apart(n, past),
      apart_half(n, past);
  fp.add(in_place<fp32>{{fp.p.data()}}, g);
  master.add(master_copy<H>{master.p.data(), master.half.data()}, g);
  nearest.add(to_nearest<H>{nearest.half.data()}, g);
  stochastic.add(in_place<rounded<H>>{{stochastic.half.data()}}, g);
  pair.add(in_place<compensated<H>>{{pair.half.data(), pair.compensation.data()}}, g);
  apart.add(into<float>{apart.p.data(), apart.delta.data()}, g);
  apart_half.add(into<H>{apart_half.half.data(), apart_half.delta.data()}, g);
  for (const forms<H>* f : {&fp, &master, &nearest, &stochastic, &pair, &apart, &apart_half}) CHECK(f->intact());
  CHECK(support::first_difference(std::as_const(apart.p).span(), before.p.span()) == -1);
  CHECK(support::first_difference(std::as_const(apart_half.half).span(), before.half.span()) == -1);
  int wrong[6] = {};
  for (std::size_t i = 0; i < n; ++i) {
    const float u = to_float(g[i]), moved = before.p[i] + u, half = to_float(before.half[i]), moved_half = half + u;
    philox_key k = key;
    k.stream = parameter_stream;
    wrong[0] += fp.p[i] != moved;
    wrong[1] += master.p[i] != moved || master.half[i] != round_nearest<H>(moved);
    wrong[2] += nearest.half[i] != round_nearest<H>(moved_half);
    wrong[3] += stochastic.half[i] != round_stochastic<H>(moved_half, random16(k, static_cast<index_t>(i)));
    const float sum = (half + to_float(before.compensation[i])) + u;
    const H value = round_nearest<H>(sum);
    wrong[4] += pair.half[i] != value || pair.compensation[i] != round_nearest(sum - to_float(value));
    wrong[5] += apart.delta[i] != u || apart_half.delta[i] != u;
  }
  for (const int count : wrong) CHECK(count == 0);
}

// Momentum and decay through a target for 50 steps; `read` is the parameter as the target keeps it. The twin starts
// each step from there, so what is left is one float computation and one rounding to the target's format, whose bound
// is `rounding` times the number: the largest error in units of both.
template <class G, class Target, class Read>
double error_of_steps(std::size_t n, Target target, double rounding, Read read) {
  reference::sgd twin{.lr = 1e-2, .momentum = 0.9, .decay = 0.1, .decoupled = true};
  std::vector<float> m(n);
  support::worst worst;
  for (std::int64_t t = 1; t <= 50; ++t) {
    const auto g = gradient(n, static_cast<std::size_t>(t % 16), G{});
    reference::numbers p(n), as_double(n);
    for (std::size_t i = 0; i < n; ++i)
      p[i] = static_cast<double>(read(i)), as_double[i] = static_cast<double>(to_float(g[i]));
    const reference::numbers before = p;
    twin.buffer = support::doubles(m);
    twin.step(p, as_double);
    one_pass(chain(scale_by_momentum{}, decoupled_step{1e-2, 0.1}), {.t = t}, target, g.data(), views<fp32>({m.data()}),
             1, {.epoch = static_cast<std::uint32_t>(t)})(0, static_cast<index_t>(n));
    for (std::size_t i = 0; i < n; ++i) {
      const double computed = 4 * support::unit * (std::abs(before[i]) + std::abs(p[i] - before[i]) + 1e-3);
      worst.add(static_cast<double>(read(i)), p[i], rounding * std::abs(p[i]) + computed, static_cast<index_t>(i));
    }
  }
  return worst.error;
}

template <half H, class G> void check_twins() {
  const std::size_t n = 133;
  const double half_a_place = std::same_as<H, float16> ? 0x1p-11 : 0x1p-8, both_places = half_a_place * 0x1p-8;
  const auto half = [](forms<H>& f) { return [&f](std::size_t i) { return to_float(f.half[i]); }; };
  const auto full = [](forms<H>& f) { return [&f](std::size_t i) { return f.p[i]; }; };
  const auto both = [](forms<H>& f) {
    return [&f](std::size_t i) { return to_float(f.half[i]) + to_float(f.compensation[i]); };
  };
  forms<H> a(n, 0), b(n, 1), c(n, 2), d(n, 3), e(n, 4);
  CHECK(error_of_steps<G>(n, in_place<fp32>{{a.p.data()}}, 0, full(a)) <= 1);
  CHECK(error_of_steps<G>(n, master_copy<H>{b.p.data(), b.half.data()}, 0, full(b)) <= 1);
  CHECK(error_of_steps<G>(n, in_place<compensated<H>>{{c.half.data(), c.compensation.data()}}, both_places, both(c)) <=
        1);
  CHECK(error_of_steps<G>(n, in_place<rounded<H>>{{d.half.data()}}, 2 * half_a_place, half(d)) <= 1);
  CHECK(error_of_steps<G>(n, to_nearest<H>{e.half.data()}, half_a_place, half(e)) <= 1);
  CHECK((a.intact() && b.intact() && c.intact() && d.intact() && e.intact()));
}

}  // namespace

TEST_CASE("pass target: each target keeps p + u in its way, from float gradients") {
  for (const std::size_t n : {0u, 1u, 3u, 15u, 16u, 17u, 127u, 128u, 129u, 1009u}) {
    check_targets<bfloat16, float>(n, n % 16);
    check_targets<float16, float>(n, n % 16);
  }
}

TEST_CASE("pass target: each target keeps p + u in its way, from gradients of 16 bits") {
  for (const std::size_t n : {0u, 1u, 15u, 16u, 17u, 129u, 1009u}) {
    check_targets<bfloat16, bfloat16>(n, n % 16);
    check_targets<float16, float16>(n, n % 16);
    check_targets<bfloat16, float16>(n, n % 16);
  }
}

TEST_CASE("pass target: each of 50 steps is the twin's and one rounding") {
  check_twins<bfloat16, float>();
  check_twins<bfloat16, bfloat16>();
  check_twins<float16, float>();
  check_twins<float16, float16>();
}
