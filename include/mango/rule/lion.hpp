#pragma once
// Lion's direction: the sign of an interpolation between momentum and gradient.
#include "mango/rule/rule.hpp"

namespace mango::inline MANGO_ABI {

/// Lion.  c = b1 m + (1-b1) u;  m <- b2 m + (1-b2) u;  u <- sign(c), with sign(0) = 0.
/// Every update is -1, 0 or 1, so the learning rate alone says how far a weight moves: 3 to 10 times smaller than
/// Adam's. Defaults and Algorithm 2 of Chen et al. 2023, arXiv:2302.06675.
/// Differs: 1-b1 and 1-b2 are computed in double and rounded once.
struct scale_by_lion {
  double b1 = 0.9, b2 = 0.99;

  static constexpr bool takes_input = true;
  static constexpr std::array slots{slot{"m"}};
  struct frame {
    float b1, c1, b2, c2;  // c = 1 - b
  };
  MANGO_HOST_DEVICE frame fold(const step_info&) const {
    return {static_cast<float>(b1), static_cast<float>(1 - b1), static_cast<float>(b2), static_cast<float>(1 - b2)};
  }
  template <class F> void hyperparameters(F&& f) const {
    f("b1", b1, fraction);
    f("b2", b2, fraction);
  }
  template <class T> MANGO_HD static T apply(const frame& k, T u, T& m) {
    const T c = k.b1 * m + k.c1 * u;
    m = k.b2 * m + k.c2 * u;
    return math::sign(c);
  }
};

}  // namespace mango
