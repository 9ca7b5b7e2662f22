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
      : kind_(kind::cosine), peak_(s.peak), final_(s.final), warmup_(s.warmup), total_(s.total), curve_(cosine_at) {}
  constexpr schedule(polynomial_decay s)
      : kind_(kind::polynomial),
        peak_(s.peak),
        final_(s.final),
        shape_(s.power),
        warmup_(s.warmup),
        total_(s.total),
        curve_(polynomial_at) {}
  constexpr schedule(step_decay s)
      : kind_(kind::step), peak_(s.initial), shape_(s.factor), total_(s.every), curve_(step_at) {}
  constexpr schedule(mango::inverse_sqrt s) : kind_(kind::inverse_sqrt), peak_(s.peak), curve_(inverse_sqrt_at) {}
  template <class F>
  requires(std::is_convertible_v<F, function> && !std::is_arithmetic_v<F>) constexpr schedule(F f)
      : kind_(kind::function),
        function_(f),
        curve_([](const schedule& k, std::int64_t step) { return k.function_(step); }) {}

  /// The rate at step s = 1, 2, ... On a device a function is not asked: the rate is the one given with the step.
  MANGO_HOST_DEVICE double operator()(std::int64_t s) const {
#if defined(__CUDA_ARCH__)  // the pointer is the host's
    return kind_ == kind::cosine         ? cosine_at(*this, s)
           : kind_ == kind::polynomial   ? polynomial_at(*this, s)
           : kind_ == kind::step         ? step_at(*this, s)
           : kind_ == kind::inverse_sqrt ? inverse_sqrt_at(*this, s)
                                         : peak_;
#else
    return curve_ ? curve_(*this, s) : peak_;
#endif
  }

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
  MANGO_HOST_DEVICE static double cosine_at(const schedule& k, std::int64_t s) {
    return k.warming_up(s) ? k.rise(s) : k.fall(0.5 * (1 + __builtin_cos(pi * k.progress(s))));
  }
  MANGO_HOST_DEVICE static double polynomial_at(const schedule& k, std::int64_t s) {
    return k.warming_up(s) ? k.rise(s) : k.fall(__builtin_pow(1 - k.progress(s), k.shape_));
  }
  MANGO_HOST_DEVICE static double step_at(const schedule& k, std::int64_t s) {
    return k.peak_ * __builtin_pow(k.shape_, static_cast<double>((s - 1) / k.total_));
  }
  MANGO_HOST_DEVICE static double inverse_sqrt_at(const schedule& k, std::int64_t s) {
    const double rate = 1 / __builtin_sqrt(static_cast<double>(s));
    return rate < k.peak_ ? rate : k.peak_;
  }
  // up to the peak along a line, then down by what `remaining` leaves of it, at a progress in [0, 1]
  MANGO_HOST_DEVICE bool warming_up(std::int64_t s) const { return s <= warmup_; }
  MANGO_HOST_DEVICE double rise(std::int64_t s) const {
    return peak_ * static_cast<double>(s) / static_cast<double>(warmup_);
  }
  MANGO_HOST_DEVICE double progress(std::int64_t s) const {
    const double x =
        static_cast<double>(s - 1 - warmup_) / static_cast<double>(total_ > warmup_ ? total_ - warmup_ : 1);
    return x > 1 ? 1 : x;
  }
  MANGO_HOST_DEVICE double fall(double remaining) const { return final_ + (peak_ - final_) * remaining; }
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
