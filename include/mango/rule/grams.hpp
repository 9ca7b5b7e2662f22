#pragma once
// Grams: the gradient says where to, momentum how far.
#include "mango/rule/rule.hpp"

namespace mango::inline MANGO_ABI {

/// u <- sign(x) |u|, x what momentum was made of; 0 where x is. Nothing of it is remembered.
/// Cao, Li & Song 2024, Algorithm 1, arXiv:2412.17107.
struct grams {
  static constexpr const char* name = "grams";
  static constexpr std::array<slot, 0> slots{};
  struct frame {};
  MANGO_HOST_DEVICE frame fold(const step_info&) const { return {}; }
  template <class F> void hyperparameters(F&&) const {}
  template <class T> MANGO_HD static T steer(const frame&, T u, T x) {
    const T size = math::abs(u), zero = T(0.0f);
    return math::select(x > zero, size, math::select(x < zero, -size, zero));
  }
};

}  // namespace mango
