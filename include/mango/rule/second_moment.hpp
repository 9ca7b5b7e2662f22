#pragma once
// Adam's second half by itself: a direction over the root of the gradient's mean square.
#include "mango/core/atan2.hpp"
#include "mango/rule/rule.hpp"

namespace mango::inline MANGO_ABI {

/// v <- b2 v + (1-b2) x^2;  u <- (u / bc1) / (sqrt(v / bc2) + eps), x what momentum was made of, bc = 1 - b^t. After
/// average_updates this is scale_by_adam in two parts, between which u can be edited.
/// With `atan2`, u <- a atan2(u, sqrt(v / bc2)) / bc1, a = atan2_scale = 4 / pi: at most 2 / bc1 in size, whatever the
/// scale of the gradient, and without eps. Everett et al. 2024, arXiv:2407.05872. `atan2_inside` divides by bc1 within,
/// as the authors do; code that spread it has a = 1.27 there.
/// Without bias correction both bc are 1. b1 is that of the momentum; 0: its bias is corrected already, or there is
/// none. eps is relative to step_info::distance, and a rule before may have chosen another b2 for this step
/// (Kourkoutas).
struct scale_by_second_moment {
  double b2 = 0.999, eps = 1e-8, b1 = 0.9;
  bool bias_correction = true, atan2 = false, atan2_inside = false;
  double atan2_scale = 1.2732395447351628;

  static constexpr std::array slots{slot{"v", range::nonnegative}};
  struct frame {
    float b2, c2;       // c = 1 - b
    float factor, eps;  // u = factor u / (sqrt(v) + eps)
    float inside;       // u = factor atan2(inside u, sqrt(v))
    bool atan2;
  };
  MANGO_HOST_DEVICE frame fold(const step_info& s) const {
    const auto t = static_cast<double>(s.t);
    const double bc1 = bias_correction && b1 > 0 ? 1 - __builtin_pow(b1, t) : 1;
    const double root2 = bias_correction ? __builtin_sqrt(1 - __builtin_pow(b2, t)) : 1;
    const double average = s.b2 >= 0 ? s.b2 : b2;
    frame k{static_cast<float>(average), static_cast<float>(1 - average), 0, 0, 1, atan2};
    if (atan2) {
      k.factor = static_cast<float>(atan2_scale / (atan2_inside ? 1 : bc1));
      k.inside = static_cast<float>(root2 / (atan2_inside ? bc1 : 1));
    } else {
      k.factor = static_cast<float>(root2 / bc1);
      k.eps = static_cast<float>(eps * s.distance * root2);
    }
    return k;
  }
  template <class F> void hyperparameters(F&& f) const {
    f("b2", b2, fraction);
    if (!atan2) f("eps", eps, interval{1e-30, 1});
    f("bias_correction", bias_correction ? "yes" : "no");
    f("atan2", !atan2 ? "no" : atan2_inside ? "inside" : "yes");
    if (atan2) f("atan2_scale", atan2_scale, interval{1e-30, 1e30});
  }
  template <class T> MANGO_HD static T steer(const frame& k, T u, T x, T& v) {
    return k.factor * steer_unscaled(k, u, x, v);
  }
  /// u / factor, for a rule after this one that multiplies u by a constant anyway.
  template <class T> MANGO_HD static T steer_unscaled(const frame& k, T u, T x, T& v) {
    v = k.b2 * v + k.c2 * x * x;  // from the left: x^2 alone leaves the range of float at 1.8e19
    const T root = math::sqrt(v);
    return k.atan2 ? math::atan2(k.inside * u, root) : u / (root + k.eps);
  }
  MANGO_HOST_DEVICE static float factor(const frame& k) { return k.factor; }
};

}  // namespace mango
