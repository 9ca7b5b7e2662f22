#pragma once
// OrthoGrad: the part of the gradient that does not merely scale the weights.
#include "mango/rule/rule.hpp"

namespace mango::inline MANGO_ABI {

/// o = u - ((p.u) / (p.p)) p;  u <- o |u| / |o|, over the tensor as one vector. A tensor of one number stays as it is:
/// it has no direction across its own. If p is 0, or shorter than the smallest normal float, u stays; if u is parallel
/// to p, it becomes 0.
/// Prieto et al. 2025, Section 5, arXiv:2501.04697. Costs one more read of p and of the gradient, since the products
/// are known only then; they are summed in double, |o|^2 as u.u - (p.u)^2 / (p.p).
/// Differs: where that difference is below 1e-13 of u.u it is rounding, and u becomes 0; the published code blows such
/// a remainder up to the length of u. It projects tensors of one number too.
struct orthograd {
  static constexpr const char* name = "orthograd";
  static constexpr std::array<slot, 0> slots{};
  static constexpr survey needs = survey::update;
  struct frame {
    float scale, along, unit;  // u <- scale u + along (unit p), where unit is 1 / |p|: neither factor is too large
  };
  MANGO_HOST_DEVICE frame fold(const step_info&) const { return {1, 0, 0}; }
  MANGO_HOST_DEVICE bool observes() const { return true; }
  template <class T> MANGO_HD static products<T, 3> observe(const frame&, T u, T, T p) {
    return {{p, p, u}, {u, p, u}};
  }
  MANGO_HOST_DEVICE void settle(frame& k, const sums_of_products<3>& of) const {
    const double pu = of.sum[0], pp = of.sum[1], uu = of.sum[2];
    if (of.elements < 2 || !(pp > 0x1p-252) || !(uu > 0)) return;
    const double rest = uu - pu * pu / pp;
    const double scale = rest > 1e-13 * uu ? __builtin_sqrt(uu / rest) : 0;
    const double length = __builtin_sqrt(pp);
    k = {static_cast<float>(scale), static_cast<float>(-scale * pu / length), static_cast<float>(1 / length)};
  }
  template <class F> void hyperparameters(F&&) const {}
  template <class T> MANGO_HD static T apply(const frame& k, T u, T p) { return k.scale * u + k.along * (k.unit * p); }
};

}  // namespace mango
