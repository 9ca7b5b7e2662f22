#pragma once
// Simplified AdEMAMix's momentum: a sum that decays, and the gradient once more.
#include "mango/rule/half_life.hpp"
#include "mango/rule/learning.hpp"

namespace mango::inline MANGO_ABI {

/// m <- b1_t m + u;  u <- (m + alpha u) / w, where w <- b1_t w + 1 is what constant gradients would add up to in m; 1
/// without bias correction. The half-life of b1_t grows from that of b1_min to that of b1 over `warmup` steps.
/// Morwani et al. 2025, Algorithm 1, arXiv:2502.02431, where b1 = 0.99 and alpha depends on the batch: 0 for large
/// ones, up to 100 for small ones. State: m, and one double per tensor.
/// With `average` it is average_updates instead, m <- b1 m + (1-b1) u;  u <- m / (1 - b1^t): for configurations that
/// choose between the two at run time.
struct accumulate_gradient {
  double b1 = 0.99, alpha = 100, b1_min = 0.9;
  std::int64_t warmup = 0;
  bool bias_correction = true, average = false;

  static constexpr bool takes_input = true;
  static constexpr std::array slots{slot{"m"}};
  static constexpr const char* memory_name = "accumulated";
  static constexpr std::array remembered{"weights"};
  struct memory {
    double weights;
  };
  struct frame {
    float b1, fresh, scale, alpha;  // m = b1 m + fresh u;  u = scale m + alpha u
  };
  MANGO_HOST_DEVICE void inform(step_info& s, const memory& m) const { s.weights = b1_at(s) * m.weights + 1; }
  MANGO_HOST_DEVICE void learn(memory& m, const step_info& s, const double*) const { m.weights = s.weights; }
  MANGO_HOST_DEVICE frame fold(const step_info& s) const {
    if (average) {
      const double bc1 = bias_correction ? 1 - __builtin_pow(b1, static_cast<double>(s.t)) : 1;
      return {static_cast<float>(b1), static_cast<float>(1 - b1), static_cast<float>(1 / bc1), 0};
    }
    const double scale = bias_correction ? 1 / s.weights : 1;
    return {static_cast<float>(b1_at(s)), 1, static_cast<float>(scale), static_cast<float>(scale * alpha)};
  }
  template <class F> void hyperparameters(F&& f) const {
    f("momentum", average ? "average" : "sum");
    f("b1", b1, average ? fraction : interval{0, 1, true, true});
    f("momentum_correction", bias_correction ? "yes" : "no");
    if (average) return;
    f("alpha_grad", alpha, zero_or_more);
    f("b1_min", b1_min, interval{0, b1});
    f("b1_warmup", static_cast<double>(warmup), interval{0, 1e15});
  }
  template <class T> MANGO_HD static T apply(const frame& k, T u, T& m) {
    m = k.b1 * m + k.fresh * u;
    return k.scale * m + k.alpha * u;
  }

 private:
  MANGO_HOST_DEVICE double b1_at(const step_info& s) const { return half_life_warmup(b1_min, b1, s.t, warmup); }
};

}  // namespace mango
