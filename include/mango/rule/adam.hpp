#pragma once
// Adam's direction: the gradient's mean over the root of its mean square.
#include "mango/rule/rule.hpp"

namespace mango::inline MANGO_ABI {

/// Where eps and decay act; three incompatible conventions are in use, all named after the code that spread them.
///   torch  u = (m / bc1) / (sqrt(v) / sqrt(bc2) + eps)              the paper's; PyTorch, llm.c
///   hf     u = (m sqrt(bc2) / bc1) / (sqrt(v) + eps)                Hugging Face, GaLore; decays the updated weights
///   bnb    u = (m sqrt(bc2) / bc1) / (sqrt(v) + eps sqrt(bc2))      bitsandbytes; equal to torch in exact arithmetic
/// with bc1 = 1 - b1^t, bc2 = 1 - b2^t. All are computed as sqrt(bc2) / bc1 times m / (sqrt(v) + eps or eps sqrt(bc2)):
/// a rule that multiplies next takes the factor over.
enum class adam_convention : std::uint8_t { torch, hf, bnb };

/// "torch", "hf" or "bnb".
constexpr const char* name_of(adam_convention c) {
  return c == adam_convention::torch ? "torch" : c == adam_convention::hf ? "hf" : "bnb";
}

/// Adam.  m <- b1 m + (1-b1) u;  v <- b2 v + (1-b2) u^2;  u <- the convention's quotient.
/// Defaults and Algorithm 1 of Kingma & Ba 2015, arXiv:1412.6980.
/// Differs: 1-b1, 1-b2 and the bias corrections are computed in double and rounded once (in float, 1 - 0.999f is off by
/// 1.3e-5); t is an integer, so a resumed run computes the same bits.
struct scale_by_adam {
  double b1 = 0.9, b2 = 0.999, eps = 1e-8;
  adam_convention convention = adam_convention::torch;
  bool bias_correction = true;  ///< without it bc1 = bc2 = 1: the first steps are 1-b1 over sqrt(1-b2) times as large

  static constexpr std::array slots{slot{"m"}, slot{"v", range::nonnegative}};
  struct frame {
    float b1, c1, b2, c2;  // c = 1 - b
    float factor, eps;     // u = factor m / (sqrt(v) + eps), in exact arithmetic the convention's quotient
  };
  MANGO_HOST_DEVICE frame fold(const step_info& s) const {
    const auto t = static_cast<double>(s.t);
    const double bc1 = bias_correction ? 1 - __builtin_pow(b1, t) : 1;
    const double root2 = bias_correction ? __builtin_sqrt(1 - __builtin_pow(b2, t)) : 1;
    return {static_cast<float>(b1),          static_cast<float>(1 - b1),
            static_cast<float>(b2),          static_cast<float>(1 - b2),
            static_cast<float>(root2 / bc1), static_cast<float>(convention == adam_convention::hf ? eps : eps * root2)};
  }
  template <class F> void hyperparameters(F&& f) const {
    f("b1", b1, fraction);
    f("b2", b2, fraction);
    f("eps", eps, interval{1e-30, 1});
    f("convention", name_of(convention));
    f("bias_correction", bias_correction ? "yes" : "no");
  }
  template <class T> MANGO_HD static T apply(const frame& k, T u, T& m, T& v) {
    return k.factor * apply_unscaled(k, u, m, v);
  }
  /// u / factor, for a rule after this one that multiplies u by a constant anyway.
  template <class T> MANGO_HD static T apply_unscaled(const frame& k, T u, T& m, T& v) {
    m = k.b1 * m + k.c1 * u;
    v = k.b2 * v + k.c2 * u * u;  // from the left: u^2 alone leaves the range of float at 1.8e19
    return m / (math::sqrt(v) + k.eps);
  }
  MANGO_HOST_DEVICE static float factor(const frame& k) { return k.factor; }
};

}  // namespace mango
