#pragma once
// Schedule-free steps: an average of where steps lead, in place of a rate that decays.
#include "mango/rule/learning.hpp"
#include "mango/rule/learning_rate.hpp"

namespace mango::inline MANGO_ABI {

/// With d = u + wd p, on the weights p = (1-b1) z + b1 x that the trainer sees:
///   p <- p + c (z - p) - lr (1 - b1 (1-c)) d;  z <- z - lr d
/// which moves the sequence z and averages it into x <- (1-c) x + c z. c = w / (sum of all w), w = t^r (largest lr so
/// far)^power: 1 / t while the rate is constant. z starts at p. Train on p, evaluate with x
/// (schedule_free::evaluation_weights). Defazio et al. 2024, Algorithm 1 and its Section 4.3, arXiv:2405.15682, in the
/// form of its code that needs no x: defaults are that code's. Give it a rate that warms up and stays; from here on u
/// is what is added to the parameter. State: z, and two doubles per tensor.
struct schedule_free_step {
  schedule learning_rate = 2.5e-3;
  double b1 = 0.9, weight_decay = 0, r = 0, power = 2;

  static constexpr std::array slots{slot{"z"}};
  static constexpr const char* memory_name = "schedule_free";
  static constexpr std::array remembered{"weights", "largest_rate"};
  struct memory {
    double weights, largest_rate;
  };
  struct frame {
    float c, lr, back, wd;  // p += c (z - p) + back d;  z -= lr d
    bool starts;
  };
  MANGO_HOST_DEVICE void inform(step_info& s, const memory& m) const {
    const double own = weight(s, m.largest_rate);
    s.weights = own > 0 ? (m.weights + own) / own : __builtin_huge_val();
  }
  MANGO_HOST_DEVICE void learn(memory& m, const step_info& s, const double*) const {
    m.weights += weight(s, m.largest_rate);
    m.largest_rate = largest(s, m.largest_rate);
  }
  MANGO_HOST_DEVICE frame fold(const step_info& s) const {
    const double c = 1 / s.weights, lr = learning_rate_at(learning_rate, s);
    return {static_cast<float>(c), static_cast<float>(lr), static_cast<float>(lr * (b1 * (1 - c) - 1)),
            static_cast<float>(weight_decay), s.t == 1};
  }
  template <class F> void hyperparameters(F&& f) const {
    mango::hyperparameters(learning_rate, f);
    f("b1", b1, interval{0, 1, true, true});
    f("weight_decay", weight_decay, zero_or_more);
    f("r", r, zero_or_more);
    f("power", power, zero_or_more);
  }
  template <class T> MANGO_HD static T apply(const frame& k, T u, T p, T& z) {
    if (k.starts) z = p;
    const T d = u + k.wd * p, moved = k.c * (z - p) + k.back * d;
    z = z - k.lr * d;
    return moved;
  }

 private:
  MANGO_HOST_DEVICE double largest(const step_info& s, double so_far) const {
    const double lr = learning_rate_at(learning_rate, s);
    return lr > so_far ? lr : so_far;
  }
  MANGO_HOST_DEVICE double weight(const step_info& s, double so_far) const {
    return __builtin_pow(static_cast<double>(s.t), r) * __builtin_pow(largest(s, so_far), power);
  }
};

/// x of one number from p and z: what to evaluate with.
inline float schedule_free_weight(float p, float z, double b1) {
  return static_cast<float>((static_cast<double>(p) - (1 - b1) * static_cast<double>(z)) / b1);
}

}  // namespace mango
