#pragma once
// Adafactor's direction: the gradient over the root of a second moment that is complete before it is used.
#include "mango/rule/rule.hpp"

namespace mango::inline MANGO_ABI {

/// Adafactor.  v <- b2_t v + (1-b2_t) (u^2 + eps), b2_t = 1 - t^decay_rate;  u <- u / sqrt(v).
/// Shazeer & Stern 2018, Algorithms 4 and 5, arXiv:1804.04235; defaults are the paper's. v is read back from its store
/// before it divides: in `factored` it is R C' / sum R of this step's row and column sums, which a survey of the whole
/// tensor finds first. At t = 1, b2 is 0: there is no bias to correct. u of a zero gradient is 0.
/// Differs: sqrt(v) is at least 2^-63, where a product of two small factors leaves the range of float.
struct scale_by_adafactor {
  double eps = 1e-30, decay_rate = -0.8;

  static constexpr std::array slots{slot{"v", range::nonnegative}};
  static constexpr survey needs = survey::state;
  struct frame {
    float b2, c2, eps;  // c = 1 - b; eps is c2 eps
  };
  MANGO_HOST_DEVICE frame fold(const step_info& s) const {
    const double c2 = __builtin_pow(static_cast<double>(s.t), decay_rate);
    return {static_cast<float>(1 - c2), static_cast<float>(c2), static_cast<float>(c2 * eps)};
  }
  template <class F> void hyperparameters(F&& f) const {
    f("eps", eps, interval{0, 1});
    f("decay_rate", decay_rate, interval{-1, 0});
  }
  template <class T> MANGO_HD static void prepare(const frame& k, T u, T& v) { v = k.b2 * v + (k.c2 * u * u + k.eps); }
  template <class T> MANGO_HD static T apply(const frame&, T u, T v) {
    return u / math::max(math::sqrt(v), T(0x1p-63f));
  }
};

}  // namespace mango
