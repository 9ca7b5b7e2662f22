#pragma once
// SMMF's direction: Adam's without bias correction, under averages whose rates change with every step.
#include "mango/rule/rule.hpp"

namespace mango::inline MANGO_ABI {

/// SMMF.  b1_t = beta growth_rate^(t-1);  b2_t = 1 - t^decay_rate;
///        m <- b1_t m + (1-b1_t) u;  v <- b2_t v + (1-b2_t) u^2;  u <- m / (sqrt(v) + eps).
/// Park & Lee 2025, Algorithm 1, arXiv:2412.08894; defaults are those of its code, which advises decay_rate -0.5 for
/// convolutional networks and -0.8 for transformers. There is no bias correction: at t = 1, v = u^2 and every update is
/// 1 - beta in size; momentum fades as growth_rate^t does.
/// Differs: b1_t, b2_t and their complements are computed in double and rounded once; squares are taken in float, where
/// the published code squares in the gradient's own type.
struct scale_by_smmf {
  double beta = 0.9, eps = 1e-8, decay_rate = -0.5, growth_rate = 0.999;

  static constexpr std::array slots{slot{"m"}, slot{"v", range::nonnegative}};
  struct frame {
    float b1, c1, b2, c2;  // c = 1 - b
    float eps;
  };
  MANGO_HOST_DEVICE frame fold(const step_info& s) const {
    const auto t = static_cast<double>(s.t);
    const double b1 = beta * __builtin_pow(growth_rate, t - 1), c2 = __builtin_pow(t, decay_rate);
    return {static_cast<float>(b1), static_cast<float>(1 - b1), static_cast<float>(1 - c2), static_cast<float>(c2),
            static_cast<float>(eps)};
  }
  template <class F> void hyperparameters(F&& f) const {
    f("beta", beta, fraction);
    f("eps", eps, interval{1e-30, 1});
    f("decay_rate", decay_rate, interval{-1, 0});
    f("growth_rate", growth_rate, interval{0, 1});
  }
  template <class T> MANGO_HD static T apply(const frame& k, T u, T& m, T& v) {
    m = k.b1 * m + k.c1 * u;
    v = k.b2 * v + k.c2 * u * u;
    return m / (math::sqrt(v) + k.eps);
  }
};

/// SMMF without a first moment, beta = None of its code.  v <- b2_t v + (1-b2_t) u^2;  u <- u / (sqrt(v) + eps), with
/// b2_t = 1 - t^decay_rate. Its state is v alone: factored, 0.004 bytes per parameter.
/// Differs: as scale_by_smmf.
struct scale_by_smmf_rms {
  double eps = 1e-8, decay_rate = -0.5;

  static constexpr std::array slots{slot{"v", range::nonnegative}};
  struct frame {
    float b2, c2, eps;  // c = 1 - b
  };
  MANGO_HOST_DEVICE frame fold(const step_info& s) const {
    const double c2 = __builtin_pow(static_cast<double>(s.t), decay_rate);
    return {static_cast<float>(1 - c2), static_cast<float>(c2), static_cast<float>(eps)};
  }
  template <class F> void hyperparameters(F&& f) const {
    f("eps", eps, interval{1e-30, 1});
    f("decay_rate", decay_rate, interval{-1, 0});
  }
  template <class T> MANGO_HD static T apply(const frame& k, T u, T& v) {
    v = k.b2 * v + k.c2 * u * u;
    return u / (math::sqrt(v) + k.eps);
  }
};

}  // namespace mango
