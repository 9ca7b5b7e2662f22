#pragma once
// The learning rate, and with it the sign: from here on u is what is added to the parameter.
#include "mango/rule/rule.hpp"
#include "mango/rule/schedule.hpp"

namespace mango::inline MANGO_ABI {

/// The rate of one step: the caller's, if one was given to begin_step(), else the schedule's.
/// Raises errc::config when a function of the caller's returns something that is not a rate.
MANGO_HOST_DEVICE inline double learning_rate_at(const schedule& rate, const step_info& s) {
  if (s.learning_rate >= 0) return s.learning_rate;
  const double scheduled = rate(s.step);
#if !defined(__CUDA_ARCH__)
  if (rate.form() == schedule::kind::function) require("learning_rate", scheduled, zero_or_more);
#endif
  return scheduled;
}

/// What a rule that ends a chain multiplies u with: the rate of the step, times the distance where a rule before learns
/// it (Prodigy).
MANGO_HOST_DEVICE inline double step_length_at(const schedule& rate, const step_info& s) {
  return learning_rate_at(rate, s) * s.distance;
}

/// Lists the numbers of a schedule, as rules list theirs.
template <class F> void hyperparameters(const schedule& s, F&& f) {
  f("learning_rate", name_of(s.form()));
  if (s.form() == schedule::kind::function) return;
  f("learning_rate.peak", s.peak(), zero_or_more);
  if (s.form() == schedule::kind::constant || s.form() == schedule::kind::inverse_sqrt) return;
  f("learning_rate.total", static_cast<double>(s.total()), interval{1, 1e15});
  if (s.form() != schedule::kind::cosine) f("learning_rate.shape", s.parameter(), zero_or_more);
  if (s.form() == schedule::kind::step) return;
  f("learning_rate.warmup", static_cast<double>(s.warmup()), interval{0, 1e15});
  f("learning_rate.final", s.final_rate(), zero_or_more);
}

/// u <- -lr u.
struct scale_by_learning_rate {
  schedule learning_rate = 1e-3;

  static constexpr std::array<slot, 0> slots{};
  struct frame {
    float minus_lr;
  };
  MANGO_HOST_DEVICE frame fold(const step_info& s) const {
    return {static_cast<float>(-step_length_at(learning_rate, s))};
  }
  template <class F> void hyperparameters(F&& f) const { mango::hyperparameters(learning_rate, f); }
  template <class T> MANGO_HD static T apply(const frame& k, T u) { return k.minus_lr * u; }
  MANGO_HOST_DEVICE static void absorb(frame& k, float factor) { k.minus_lr *= factor; }
};

}  // namespace mango
