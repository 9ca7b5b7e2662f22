#pragma once
// Steps in proportion to the weights that they move.
#include "mango/rule/rule.hpp"

namespace mango::inline MANGO_ABI {

/// u <- max(floor, RMS(p)) u, RMS(p) the root mean square of the tensor's weights before the step; switched off, u
/// stays as it is. The learning rate is then relative to the size of the weights.
/// Shazeer & Stern 2018, Algorithm 4, arXiv:1804.04235; floor is eps_2 there, 1e-3.
struct scale_by_parameter_rms {
  double floor = 1e-3;
  bool on = true;

  static constexpr std::array<slot, 0> slots{};
  static constexpr survey needs = survey::parameter;
  struct frame {
    float factor;
  };
  MANGO_HOST_DEVICE frame fold(const step_info&) const { return {1}; }
  MANGO_HOST_DEVICE bool observes() const { return on; }
  template <class T> MANGO_HD static products<T, 1> observe(const frame&, T, T, T p) { return {{p}, {p}}; }
  MANGO_HOST_DEVICE void settle(frame& k, const sums_of_products<1>& squares) const {
    const double rms = __builtin_sqrt(squares.sum[0] / squares.elements);
    k.factor = static_cast<float>(rms > floor ? rms : floor);
  }
  template <class F> void hyperparameters(F&& f) const {
    f("parameter_scale", on ? "yes" : "no");
    f("floor", floor, zero_or_more);
  }
  template <class T> MANGO_HD static T apply(const frame& k, T u) { return u * k.factor; }
};

}  // namespace mango
