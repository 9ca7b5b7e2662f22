#pragma once
// Nesterov's look-ahead for an averaged gradient.
#include "mango/rule/rule.hpp"

namespace mango::inline MANGO_ABI {

/// u <- b1 u + (1-b1) x, x what momentum was made of and u the momentum: what it would be if the next gradient were
/// this one. b1 is that of the momentum. Dozat 2016, "Incorporating Nesterov momentum into Adam", with a constant b1.
struct nesterov {
  double b1 = 0.9;

  static constexpr const char* name = "nesterov";
  static constexpr std::array<slot, 0> slots{};
  struct frame {
    float b1, c1;  // c = 1 - b
  };
  MANGO_HOST_DEVICE frame fold(const step_info&) const { return {static_cast<float>(b1), static_cast<float>(1 - b1)}; }
  template <class F> void hyperparameters(F&& f) const { f("nesterov_b1", b1, fraction); }
  template <class T> MANGO_HD static T steer(const frame& k, T u, T x) { return k.b1 * u + k.c1 * x; }
};

}  // namespace mango
