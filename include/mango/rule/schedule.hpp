#pragma once
// Learning rates as pure functions of the step, so that a resumed run needs nothing but the step's number.
#include <type_traits>

#include "mango/core/types.hpp"

namespace mango::inline MANGO_ABI {

/// Linear warm-up, then half a cosine. Step s = 1, 2, ...:
///   s <= warmup:  peak s / warmup
///   after:        final + (peak - final) (1 + cos(pi min(1, (s - 1 - warmup) / (total - warmup)))) / 2
/// Loshchilov & Hutter 2017, equation 5, arXiv:1608.03983; equal to llm.c's.
struct warmup_cosine {
  double peak = 1e-3;
  std::int64_t warmup = 0, total = 1000;
  double final = 0;
};

/// Linear warm-up as above, then peak to final along (1 - x)^power, x = (s - 1 - warmup) / (total - warmup); linear
/// decay by default.
struct polynomial_decay {
  double peak = 1e-3;
  std::int64_t warmup = 0, total = 1000;
  double power = 1, final = 0;
};

/// initial * factor^floor((s - 1) / every).
struct step_decay {
  double initial = 1e-3;
  std::int64_t every = 1000;
  double factor = 0.1;
};

/// min(peak, 1 / sqrt(s)): Adafactor's relative step size, constant for the first 1 / peak^2 steps.
/// Shazeer & Stern 2018, Section 8, arXiv:1804.04235.
struct inverse_sqrt {
  double peak = 1e-2;
};

/// A learning rate over time: a constant, one of the schedules above, or a pure function of the step.
class schedule {
 public:
  enum class kind : std::uint8_t { constant, cosine, polynomial, step, inverse_sqrt, function };
  using function = double (*)(std::int64_t step);

  constexpr schedule(double rate) : peak_(rate) {}
  constexpr schedule(warmup_cosine s)
      : kind_(kind::cosine),
        peak_(s.peak),
        final_(s.final),
        warmup_(s.warmup),
        total_(s.total),
        curve_([](const schedule& k, std::int64_t step) {
          return k.warmed_up(step, [](const schedule&, double x) { return 0.5 * (1 + __builtin_cos(pi * x)); });
        }) {}
  constexpr schedule(polynomial_decay s)
      : kind_(kind::polynomial),
        peak_(s.peak),
        final_(s.final),
        shape_(s.power),
        warmup_(s.warmup),
        total_(s.total),
        curve_([](const schedule& k, std::int64_t step) {
          return k.warmed_up(step, [](const schedule& at, double x) { return __builtin_pow(1 - x, at.shape_); });
        }) {}
  constexpr schedule(step_decay s)
      : kind_(kind::step),
        peak_(s.initial),
        shape_(s.factor),
        total_(s.every),
        curve_([](const schedule& k, std::int64_t step) {
          return k.peak_ * __builtin_pow(k.shape_, static_cast<double>((step - 1) / k.total_));
        }) {}
  constexpr schedule(mango::inverse_sqrt s)
      : kind_(kind::inverse_sqrt), peak_(s.peak), curve_([](const schedule& k, std::int64_t step) {
          const double rate = 1 / __builtin_sqrt(static_cast<double>(step));
          return rate < k.peak_ ? rate : k.peak_;
        }) {}
  template <class F>
  requires(std::is_convertible_v<F, function> && !std::is_arithmetic_v<F>) constexpr schedule(F f)
      : kind_(kind::function),
        function_(f),
        curve_([](const schedule& k, std::int64_t step) { return k.function_(step); }) {}

  /// The rate at step s = 1, 2, ...
  double operator()(std::int64_t s) const { return curve_ ? curve_(*this, s) : peak_; }

  kind form() const { return kind_; }
  double peak() const { return peak_; }
  double final_rate() const { return final_; }
  /// The exponent of a polynomial, the factor of a step decay.
  double parameter() const { return shape_; }
  std::int64_t warmup() const { return warmup_; }
  /// The last step of a decay; the interval of a step decay.
  std::int64_t total() const { return total_; }

 private:
  static constexpr double pi = 3.14159265358979323846;
  // up to the peak along a line, then down by what `remaining` leaves of it at x in [0, 1]
  template <class F> double warmed_up(std::int64_t s, F remaining) const {
    if (s <= warmup_) return peak_ * static_cast<double>(s) / static_cast<double>(warmup_);
    const double x =
        static_cast<double>(s - 1 - warmup_) / static_cast<double>(total_ > warmup_ ? total_ - warmup_ : 1);
    return final_ + (peak_ - final_) * remaining(*this, x > 1 ? 1 : x);
  }
  kind kind_ = kind::constant;
  double peak_ = 0, final_ = 0, shape_ = 1;
  std::int64_t warmup_ = 0, total_ = 1;
  function function_ = nullptr;
  // every kind brings its curve along, so that a program does not compile those it does not use; a constant has none
  double (*curve_)(const schedule&, std::int64_t step) = nullptr;
};

/// "constant", "warmup_cosine", "polynomial_decay", "step_decay", "inverse_sqrt" or "function".
constexpr const char* name_of(schedule::kind k) {
  constexpr const char* names[] = {"constant",   "warmup_cosine", "polynomial_decay",
                                   "step_decay", "inverse_sqrt",  "function"};
  return names[static_cast<int>(k)];
}

}  // namespace mango
