#pragma once
// Clipping by the norm of all gradients together: a measured rule.
#include "mango/rule/rule.hpp"

namespace mango::inline MANGO_ABI {

/// u <- u min(1, max_norm / (|g| + 1e-6)), |g| the L2 norm over every tensor of the step, after the gradient scale;
/// a max_norm of 0 leaves u as it is and measures nothing. The constant is that of torch.nn.utils.clip_grad_norm_.
/// Pascanu et al. 2013, Algorithm 1, arXiv:1211.5063.
struct clip_by_global_norm {
  double max_norm = 0;

  static constexpr std::array<slot, 0> slots{};
  struct frame {};
  MANGO_HOST_DEVICE bool measures() const { return max_norm > 0; }
  MANGO_HOST_DEVICE double scale(const step_info& s) const {
    if (!measures()) return 1;
    const double factor = max_norm / (__builtin_sqrt(s.squared_norm) + 1e-6);
    return factor < 1 ? factor : 1;
  }
  template <class F> void hyperparameters(F&& f) const { f("max_norm", max_norm, zero_or_more); }
  MANGO_HOST_DEVICE frame fold(const step_info&) const { return {}; }
  template <class T> MANGO_HD static T apply(const frame&, T u) { return u; }
};

}  // namespace mango
