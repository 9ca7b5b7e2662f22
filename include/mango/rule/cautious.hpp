#pragma once
// Cautious updates: only where the gradient agrees.
#include "mango/core/access.hpp"
#include "mango/rule/rule.hpp"

namespace mango::inline MANGO_ABI {

/// u <- u [u x > 0] / max(share, floor), x what momentum was made of and `share` that of the tensor's numbers where
/// the two have one sign: what is left moves farther by as much as was left out.
/// Liang et al. 2024, Algorithms 1 and 2, arXiv:2411.16085; floor is 1e-3 there. `per_count` scales by
/// elements / (count + 1) instead, as the authors' Lion does. Costs one more read of the gradient and of the slots
/// before it, since the share is known only then. Nothing of it is remembered: momentum is what it is without.
/// Differs: signs are compared, not a product that may round to 0.
struct cautious {
  double floor = 1e-3;
  bool per_count = false;

  static constexpr const char* name = "cautious";
  static constexpr std::array<slot, 0> slots{};
  static constexpr survey needs = survey::update;
  struct frame {
    float scale;
  };
  MANGO_HOST_DEVICE frame fold(const step_info&) const { return {1}; }
  MANGO_HOST_DEVICE bool observes() const { return true; }
  template <class T> MANGO_HD static products<T, 1> observe(const frame&, T u, T x, T) {
    const T zero = T(0.0f);
    const T agrees = math::select(towards(u, x) > zero, math::select(u != zero, T(1.0f), zero), zero);
    return {{agrees}, {agrees}};
  }
  MANGO_HOST_DEVICE void settle(frame& k, const sums_of_products<1>& agreeing) const {
    const double share = agreeing.sum[0] / agreeing.elements;
    k.scale =
        static_cast<float>(per_count ? agreeing.elements / (agreeing.sum[0] + 1) : 1 / (share > floor ? share : floor));
  }
  template <class F> void hyperparameters(F&& f) const {
    f("cautious_floor", floor, interval{1e-30, 1});
    f("cautious_scale", per_count ? "count" : "mean");
  }
  template <class T> MANGO_HD static T steer(const frame& k, T u, T x) {
    return math::select(towards(u, x) > T(0.0f), u * k.scale, T(0.0f));
  }

 private:
  // x, or -x where u is below 0: above 0 where the two have one sign, if u is not 0
  template <class T> MANGO_HD static T towards(T u, T x) { return from_bits(to_bits(x) ^ (to_bits(u) & 0x80000000u)); }
};

}  // namespace mango
