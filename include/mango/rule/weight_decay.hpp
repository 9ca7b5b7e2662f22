#pragma once
// Weight decay: as part of the gradient, or decoupled from it.
#include "mango/rule/learning_rate.hpp"

namespace mango::inline MANGO_ABI {

/// u <- u + wd p.  Before scale_by_adam or momentum this is coupled (L2) decay, the gradient of wd |p|^2 / 2. Right
/// before scale_by_learning_rate it is decoupled, and equal to decoupled_step.
struct add_decayed_weights {
  double weight_decay = 0;

  static constexpr std::array<slot, 0> slots{};
  struct frame {
    float wd;
  };
  MANGO_HOST_DEVICE frame fold(const step_info&) const { return {static_cast<float>(weight_decay)}; }
  template <class F> void hyperparameters(F&& f) const { f("weight_decay", weight_decay, zero_or_more); }
  template <class T> MANGO_HD static T apply(const frame& k, T u, T p) { return u + k.wd * p; }
};

/// Whether decay acts on the weights before the step or on those that it has already moved.
enum class decay_order : std::uint8_t { before, after };

/// The learning rate with decoupled weight decay; from here on u is what is added to the parameter.
///   before   p <- (1 - lr wd) p - lr u      Loshchilov & Hutter 2019, Algorithm 2, arXiv:1711.05101; PyTorch
///   after    p <- (1 - lr wd)(p - lr u)     Hugging Face's AdamW and the GaLore code
/// Both are u <- a u + b p with b = -lr wd, and a = -lr or -lr (1 - lr wd).
struct decoupled_step {
  schedule learning_rate = 1e-3;
  double weight_decay = 0;
  decay_order order = decay_order::before;

  static constexpr std::array<slot, 0> slots{};
  struct frame {
    float a, b;
  };
  MANGO_HOST_DEVICE frame fold(const step_info& s) const {
    const double lr = step_length_at(learning_rate, s), decay = lr * weight_decay;
    return {static_cast<float>(order == decay_order::before ? -lr : -lr * (1 - decay)), static_cast<float>(-decay)};
  }
  template <class F> void hyperparameters(F&& f) const {
    mango::hyperparameters(learning_rate, f);
    f("weight_decay", weight_decay, zero_or_more);
  }
  template <class T> MANGO_HD static T apply(const frame& k, T u, T p) { return k.a * u + k.b * p; }
  MANGO_HOST_DEVICE static void absorb(frame& k, float factor) { k.a *= factor; }
};

}  // namespace mango
