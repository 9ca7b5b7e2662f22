#pragma once
// Decoupled weight decay that does not work against the step.
#include "mango/rule/learning_rate.hpp"

namespace mango::inline MANGO_ABI {

/// p <- p - lr u - lr wd p, the latter only where u p >= 0 if `cautious`: where the step itself makes the weight
/// smaller. The first `waits` updates of a tensor move nothing. From here on u is what is added to the parameter.
/// Chen et al. 2025, Algorithm 1, arXiv:2510.12402.
struct cautious_step {
  schedule learning_rate = 1e-3;
  double weight_decay = 0;
  bool cautious = true;
  std::int64_t waits = 0;

  static constexpr std::array<slot, 0> slots{};
  struct frame {
    float a, b;  // a u + b p, ...
    bool cautious;
  };
  MANGO_HOST_DEVICE frame fold(const step_info& s) const {
    if (s.t <= waits) return {0, 0, false};
    const double lr = step_length_at(learning_rate, s);
    return {static_cast<float>(-lr), static_cast<float>(-lr * weight_decay), cautious};
  }
  template <class F> void hyperparameters(F&& f) const {
    mango::hyperparameters(learning_rate, f);
    f("weight_decay", weight_decay, zero_or_more);
    f("cautious_decay", cautious ? "yes" : "no");
  }
  template <class T> MANGO_HD static T apply(const frame& k, T u, T p) {
    const T moved = k.a * u, decay = k.b * p;
    if (!k.cautious) return moved + decay;
    const T zero = T(0.0f);  // signs are compared: a product may round to 0
    return moved + math::select(u > zero, math::select(p < zero, zero, decay),
                                math::select(u < zero, math::select(p > zero, zero, decay), decay));
  }
  MANGO_HOST_DEVICE static void absorb(frame& k, float factor) { k.a *= factor; }
};

}  // namespace mango
