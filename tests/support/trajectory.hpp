#pragma once
// Runs a chain and its textbook twin side by side over many steps, on data that covers many magnitudes.
#include <algorithm>
#include <cmath>
#include <vector>

#include "support/compare.hpp"
#include "support/hand_loop.hpp"
#include "support/random.hpp"

namespace support {

/// Numbers in every run, a multiple of every packet's lanes.
inline constexpr std::size_t run_size = 64;

/// Parameters of magnitude 1, about one in eight of them zero.
inline std::vector<float> start() {
  std::vector<float> p = normals(run_size, 11);
  for (std::size_t i = 0; i < p.size(); i += 8) p[i] = 0;
  return p;
}

/// The gradient of step t: element i is of magnitude 2^(i/4 - 10), some are zero in every step and some in most.
inline std::vector<float> gradient(std::int64_t t) {
  random source(static_cast<std::uint64_t>(1000 + t));
  std::vector<float> g(run_size);
  for (std::size_t i = 0; i < g.size(); ++i) {
    g[i] = static_cast<float>(source.normal() * std::ldexp(1.0, static_cast<int>(i / 4) - 10));
    if (i % 16 == 5 || (i % 16 == 9 && t % 7 != 1)) g[i] = 0;
  }
  return g;
}

/// What `steps` steps of the chain and of the twin make of the same start: the largest |p - p_twin| as a share of |p|
/// and of the way travelled. `twin(p, g, t)` moves p; `info(t)` is what the chain folds.
template <class At, class Chain, class Twin, class Info>
worst run_against_twin(hand_loop<Chain>& loop, Twin twin, Info info, std::int64_t steps) {
  std::vector<double> p = doubles(loop.p), travelled(p.size());
  worst all;
  for (std::int64_t t = 1; t <= steps; ++t) {
    const std::vector<float> g = gradient(t);
    const std::vector<double> before = p;
    loop.template step<At>(info(t), g);
    twin(p, doubles(g), t);
    for (std::size_t i = 0; i < p.size(); ++i) {
      travelled[i] += std::abs(p[i] - before[i]);
      all.add(static_cast<double>(loop.p[i]), p[i], std::abs(p[i]) + travelled[i], static_cast<std::ptrdiff_t>(i));
    }
  }
  return all;
}

/// Steps with t and step counting together, at a rate given by the caller of the optimizer (negative: the schedule's).
inline auto clock(double learning_rate = -1) {
  return
      [learning_rate](std::int64_t t) { return mango::step_info{.t = t, .step = t, .learning_rate = learning_rate}; };
}

/// The largest distance between the two ways to run one chain, in p, u and every slot: number by number and packet by
/// packet. In units of u, the bound on one rounding, times the size of what is added up: the largest update of that
/// number so far for p and u, the gradient for a slot. Contraction may leave out a rounding or two; where the machine
/// cannot contract, or whenever a chain adds no product, the distance is exactly 0.
template <class Chain, class Info> double packet_difference(const Chain& chain, Info info, std::int64_t steps) {
  hand_loop<Chain> one(chain, start()), whole(chain, start());
  std::vector<double> reach(run_size);
  double largest = 0;
  const auto compare = [&](float a, float b, double size) {
    if (bits_of(a) == bits_of(b)) return;
    const double exact = static_cast<double>(a);
    largest = std::max(largest, error_in(static_cast<double>(b), exact, unit * (std::abs(exact) + size)));
  };
  for (std::int64_t t = 1; t <= steps; ++t) {
    const std::vector<float> g = gradient(t);
    one.template step<mango::one>(info(t), g);
    whole.template step<mango::whole>(info(t), g);
    for (std::size_t i = 0; i < run_size; ++i) {  // and both go on from the same numbers
      reach[i] = std::max(reach[i], std::abs(static_cast<double>(one.u[i])));
      compare(one.u[i], whole.u[i], reach[i]);
      compare(one.p[i], whole.p[i], reach[i]);
      whole.p[i] = one.p[i];
      for (std::size_t k = 0; k < one.slots; ++k) {
        compare(one.state[k][i], whole.state[k][i], std::abs(static_cast<double>(g[i])));
        whole.state[k][i] = one.state[k][i];
      }
    }
  }
  return largest;
}

/// How far packets may be from floats, in the units of packet_difference().
#if defined(__FMA__) || defined(__ARM_NEON)
inline constexpr double contraction = 4;
#else
inline constexpr double contraction = 0;
#endif

}  // namespace support
