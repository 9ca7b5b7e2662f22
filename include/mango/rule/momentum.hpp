#pragma once
// Momentum: heavy-ball, Nesterov's variant, and a plain average.
#include "mango/rule/rule.hpp"

namespace mango::inline MANGO_ABI {

/// m <- mu m + (1-tau) u, at t = 1 m <- u;  u <- m, or with nesterov u + mu m.
/// mu = momentum in [0, 1), tau = dampening in [0, 1]. Sutskever et al. 2013 in the form of torch.optim.SGD, whose
/// first step is undamped; m is the "momentum_buffer" there. Defaults: 0.9 and 0.
struct scale_by_momentum {
  double momentum = 0.9, dampening = 0;
  bool nesterov = false;

  static constexpr std::array slots{slot{"m"}};
  struct frame {
    float mu, fresh, own, look_ahead;  // m = mu m + fresh u;  u = own u + look_ahead m
  };
  MANGO_HOST_DEVICE frame fold(const step_info& s) const {
    const double fresh = s.t == 1 ? 1 : 1 - dampening;
    return {static_cast<float>(momentum), static_cast<float>(fresh), nesterov ? 1.0f : 0.0f,
            nesterov ? static_cast<float>(momentum) : 1.0f};
  }
  template <class F> void hyperparameters(F&& f) const {
    f("momentum", momentum, fraction);
    f("dampening", dampening, interval{0, 1});
    f("nesterov", nesterov ? "yes" : "no");
  }
  template <class T> MANGO_HD static T apply(const frame& k, T u, T& m) {
    m = k.mu * m + k.fresh * u;
    return k.own * u + k.look_ahead * m;
  }
};

/// m <- b1 m + (1-b1) u;  u <- m, or with bias correction m / (1 - b1^t). Without it the first update is (1-b1) u.
/// Default: 0.9. Rules after it that steer see u as it came here.
struct average_updates {
  double b1 = 0.9;
  bool bias_correction = false;

  static constexpr bool takes_input = true;
  static constexpr std::array slots{slot{"m"}};
  struct frame {
    float b1, c1, factor;  // c = 1 - b
  };
  MANGO_HOST_DEVICE frame fold(const step_info& s) const {
    const double bc1 = bias_correction ? 1 - __builtin_pow(b1, static_cast<double>(s.t)) : 1;
    return {static_cast<float>(b1), static_cast<float>(1 - b1), static_cast<float>(1 / bc1)};
  }
  template <class F> void hyperparameters(F&& f) const { f("b1", b1, fraction); }
  template <class T> MANGO_HD static T apply(const frame& k, T u, T& m) {
    m = k.b1 * m + k.c1 * u;
    return k.factor * m;
  }
};

/// Momentum's place where there is none: rules after it that steer see u as it came here.
struct no_momentum {
  static constexpr bool takes_input = true;
  static constexpr std::array<slot, 0> slots{};
  struct frame {};
  MANGO_HOST_DEVICE frame fold(const step_info&) const { return {}; }
  template <class F> void hyperparameters(F&& f) const { f("b1", "none"); }
  template <class T> MANGO_HD static T apply(const frame&, T u) { return u; }
};

}  // namespace mango
