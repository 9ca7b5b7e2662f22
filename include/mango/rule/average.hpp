#pragma once
// An exponential moving average of the weights, kept beside them.
#include "mango/rule/rule.hpp"

namespace mango::inline MANGO_ABI {

/// a <- d_t a + (1 - d_t)(p + u), u unchanged: the last rule of a chain, where u is what is added to p.
/// d_t = min(decay, (t - 1) / (t + warm)): the first average is the first weight, and early ones forget faster.
/// Exchange it with the weights for evaluation: optimizer::exchange. Polyak & Juditsky 1992.
struct average_weights {
  double decay = 0.999, warm = 9;

  static constexpr std::array slots{slot{"average"}};
  struct frame {
    float keep, fresh;
  };
  MANGO_HOST_DEVICE frame fold(const step_info& s) const {
    const auto t = static_cast<double>(s.t);
    const double ramp = (t - 1) / (t + warm), keep = ramp < decay ? ramp : decay;
    return {static_cast<float>(keep), static_cast<float>(1 - keep)};
  }
  template <class F> void hyperparameters(F&& f) const {
    f("decay", decay, fraction);
    f("warm", warm, zero_or_more);
  }
  template <class T> MANGO_HD static T apply(const frame& k, T u, T p, T& average) {
    average = k.keep * average + k.fresh * (p + u);
    return u;
  }
};

}  // namespace mango
