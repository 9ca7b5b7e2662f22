#pragma once
// Clipping every element by itself.
#include "mango/rule/rule.hpp"

namespace mango::inline MANGO_ABI {

/// u <- min(max(u, -limit), limit); a limit of 0 leaves u as it is.
struct clip_by_value {
  double limit = 0;

  static constexpr std::array<slot, 0> slots{};
  struct frame {
    float limit;
  };
  frame fold(const step_info&) const { return {limit > 0 ? static_cast<float>(limit) : __builtin_huge_valf()}; }
  template <class F> void hyperparameters(F&& f) const { f("limit", limit, zero_or_more); }
  template <class T> MANGO_HD static T apply(const frame& k, T u) {
    return math::max(math::min(u, T(k.limit)), T(-k.limit));
  }
};

}  // namespace mango
