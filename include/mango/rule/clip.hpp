#pragma once
// Clipping the elements of one tensor: each by itself, or all by their size.
#include "mango/rule/rule.hpp"

namespace mango::inline MANGO_ABI {

/// u <- min(max(u, -limit), limit); a limit of 0 leaves u as it is.
struct clip_by_value {
  double limit = 0;

  static constexpr std::array<slot, 0> slots{};
  struct frame {
    float limit;
  };
  MANGO_HOST_DEVICE frame fold(const step_info&) const {
    return {limit > 0 ? static_cast<float>(limit) : __builtin_huge_valf()};
  }
  template <class F> void hyperparameters(F&& f) const { f("limit", limit, zero_or_more); }
  template <class T> MANGO_HD static T apply(const frame& k, T u) {
    return math::max(math::min(u, T(k.limit)), T(-k.limit));
  }
};

/// u <- u / max(1, RMS(u) / limit), RMS(u) the root mean square of u over the tensor as it arrives here; a limit of 0
/// leaves u as it is. Costs one more read of the gradient and of the slots of the rules before it.
/// Shazeer & Stern 2018, Algorithm 4, arXiv:1804.04235; limit is d there, 1.
struct clip_by_rms {
  double limit = 1;

  static constexpr std::array<slot, 0> slots{};
  static constexpr survey needs = survey::update;
  struct frame {
    float factor;
  };
  MANGO_HOST_DEVICE frame fold(const step_info&) const { return {1}; }
  MANGO_HOST_DEVICE bool observes() const { return limit > 0; }
  template <class T> MANGO_HD static products<T, 1> observe(const frame&, T u, T, T) { return {{u}, {u}}; }
  MANGO_HOST_DEVICE void settle(frame& k, const sums_of_products<1>& squares) const {
    const double over = __builtin_sqrt(squares.sum[0] / squares.elements) / limit;
    k.factor = static_cast<float>(over > 1 ? 1 / over : 1);
  }
  template <class F> void hyperparameters(F&& f) const { f("clip_rms", limit, zero_or_more); }
  template <class T> MANGO_HD static T apply(const frame& k, T u) { return u * k.factor; }
};

}  // namespace mango
