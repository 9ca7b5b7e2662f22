#pragma once
// AdEMAMix's second, slow average of the gradient, added to the first.
#include "mango/rule/half_life.hpp"
#include "mango/rule/rule.hpp"

namespace mango::inline MANGO_ABI {

/// m_slow <- b3_t m_slow + (1-b3_t) x;  u <- u + alpha_t m_slow, x what momentum was made of.
/// Pagliardini, Ablin & Grangier 2024, Algorithm 1, arXiv:2409.03137; b3 is 0.9999 there, alpha between 2 and 10.
/// With warm-ups, alpha_t = alpha min(1, t / alpha_warmup), and the half-life of b3_t grows along a line from that of
/// b1 to that of b3 over b3_warmup steps.
struct add_slow_average {
  double b3 = 0.9999, alpha = 5;
  std::int64_t alpha_warmup = 0, b3_warmup = 0;
  double b1 = 0.9;  ///< where b3's warm-up starts

  static constexpr std::array slots{slot{"m_slow"}};
  struct frame {
    float b3, c3, alpha;  // c = 1 - b
  };
  MANGO_HOST_DEVICE frame fold(const step_info& s) const {
    const double b = half_life_warmup(b1, b3, s.t, b3_warmup);
    const double part = static_cast<double>(s.t) / static_cast<double>(alpha_warmup);
    const double a = s.t < alpha_warmup ? alpha * part : alpha;
    return {static_cast<float>(b), static_cast<float>(1 - b), static_cast<float>(a)};
  }
  template <class F> void hyperparameters(F&& f) const {
    f("b3", b3, fraction);
    f("alpha", alpha, zero_or_more);
    f("alpha_warmup", static_cast<double>(alpha_warmup), interval{0, 1e15});
    f("b3_warmup", static_cast<double>(b3_warmup), interval{0, 1e15});
  }
  template <class T> MANGO_HD static T steer(const frame& k, T u, T x, T& m_slow) {
    m_slow = k.b3 * m_slow + k.c3 * x;
    return u + k.alpha * m_slow;
  }
};

}  // namespace mango
