#pragma once
// an optimizer on the host beside a textbook twin, step by step, over tensors of sizes at which packets end
#include <cstring>
#include <limits>
#include <string_view>
#include <vector>

#include "mango/optim/optimizer.hpp"
#include "optim/numbers.hpp"
#include "optim/snapshot.hpp"
#include "support/adaptive_reference.hpp"
#include "support/random.hpp"

namespace rule_test {

using mango::index_t;
using reference::numbers;
using support::doubles;

/// None, one, around a packet's, and a prime.
inline constexpr index_t sizes[] = {0, 1, 15, 16, 17, 1009};

/// The gradient of step t: in [-1, 1), every eighth of them 0.
inline std::vector<float> gradient(index_t n, unsigned t) {
  std::vector<float> g = optim_test::uniform(n, 100 + t);
  for (std::size_t i = 3; i < g.size(); i += 8) g[i] = 0;
  return g;
}

/// The largest distance within `steps` steps between what the optimizer and what twin(p, g) makes of the same tensor,
/// as a share of |p| or of 1, whichever is larger.
template <class Chain, class Stores, class Twin>
double follow(const Chain& rules, Stores s, index_t n, Twin twin, unsigned steps = 40) {
  mango::optimizer opt{rules, s};
  auto p = optim_test::uniform(n, 1);
  auto expected = doubles(p);
  const auto id = opt.add("w", n);
  double worst = 0;
  for (unsigned t = 1; t <= steps; ++t) {
    const auto g = gradient(n, t);
    twin(expected, doubles(g));
    opt.begin_step().update(id, p, g);
    worst = std::max(worst, optim_test::distance(p, expected));
  }
  return worst;
}

/// What `steps` updates of one tensor whose parameters stay at `p` add up to, each as it was: u of a chain.
template <class Chain, class Stores> struct updates {
  mango::optimizer<Chain, Stores> opt;
  std::vector<float> p, u;
  mango::tensor_id id;

  updates(const Chain& rules, Stores s, std::vector<float> at) : opt(rules, s), p(std::move(at)), u(p.size()) {
    id = opt.add("w", p.size());
  }
  /// The update that this gradient causes. p is left alone.
  const std::vector<float>& operator()(const std::vector<float>& g) {
    opt.begin_step().update_into(id, p, g, u);
    return u;
  }
};

/// What a rule that learns remembers of a tensor under this name; NaN if it is not there.
inline double remembered(const mango::tensor_registry& from, mango::tensor_id id, std::string_view rule,
                         std::string_view name) {
  double value = std::numeric_limits<double>::quiet_NaN();
  for (const auto& part : from.state(id))
    if (rule == part.slot && name == part.part) std::memcpy(&value, part.bytes.data(), sizeof value);
  return value;
}

}  // namespace rule_test
