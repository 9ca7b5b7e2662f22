#pragma once
// Prodigy: how far the weights are from where they end, and so how long steps may be.
#include "mango/core/access.hpp"
#include "mango/rule/learning.hpp"
#include "mango/rule/learning_rate.hpp"

namespace mango::inline MANGO_ABI {

/// u <- d u, and the learning rate of this chain is multiplied by d, the distance learned so far: with a rate of 1
/// there is nothing to tune. Over every `slice`th number of the tensor, with g = u and p as they come here,
///   numerator += (d / d0) d lr g (p0 - p);  s <- b3 s + (d / d0) d lr g;  denominator += |s|
/// and after the step, over all tensors of the pool,
///   r <- b3 r + numerator;  d^ = d_coef r / denominator;  d_max <- max(d_max, d^);  d <- min(d_max, d growth_rate),
/// d <- max(d, d^) first while d is d0. What a step finds is used by the next one, so nothing waits and tensors may be
/// updated one by one. Mishchenko & Defazio 2024, Algorithm 4, arXiv:2306.06101, in the one-loop form that fused
/// backward passes need; its d agrees with the authors' to 2e-6 over 200 steps. Put it before rules with slots, and
/// give the step rule after it the same learning rate.
///   safeguard     s grows with d in place of d lr: a warm-up of the rate does not slow the estimate down
///   limiter       d grows by at most 2^(1/4) per step
///   freeze_after  updates after which d stays; 0: never
///   by            which tensors share one d
/// State: two numbers for every `slice`th, and 7 doubles per tensor.
struct estimate_distance {
  schedule learning_rate = 1;
  double d0 = 1e-6, d_coef = 1, growth_rate = 1e30, b3 = 0.99949987493746091;  // b3: the root of 0.999
  std::int64_t every = 11, freeze_after = 0;
  bool safeguard = false, limiter = false;
  pool by = pool::all;

  static constexpr std::array<slot, 0> slots{};
  static constexpr const char* memory_name = "prodigy";
  static constexpr std::array remembered{"d", "d_max", "r", "updates", "pending", "numerator", "denominator"};
  struct memory {
    double d, d_max, r, updates;
    double pending, numerator, denominator;  // of a step that d has not learned from yet
  };
  static constexpr int sums = 2;
  static constexpr std::array sliced{"p0", "s"};
  struct frame {
    float d, b3, fresh;
    std::int64_t every;
    bool starts, frozen;
  };
  MANGO_HOST_DEVICE std::int64_t slice() const { return every; }
  MANGO_HOST_DEVICE pool pooled_by() const { return by; }

  MANGO_HOST_DEVICE void inform(step_info& s, const memory& m) const { s.distance = m.d > 0 ? m.d : d0; }
  MANGO_HOST_DEVICE frame fold(const step_info& s) const {
    const double d = s.distance, lr = learning_rate_at(learning_rate, s);
    return {static_cast<float>(d),
            static_cast<float>(b3),
            static_cast<float>(d / d0 * (safeguard ? d : d * lr)),
            every,
            s.t == 1,
            freeze_after > 0 && s.t > freeze_after};
  }
  template <class F> void hyperparameters(F&& f) const {
    mango::hyperparameters(learning_rate, f);
    f("d0", d0, interval{1e-30, 1e30});
    f("d_coef", d_coef, interval{1e-30, 1e30});
    f("growth_rate", growth_rate, interval{0, 1e30, true});
    f("b3", b3, fraction);
    f("slice", static_cast<double>(every), interval{1, 1e15});
    f("freeze_after", static_cast<double>(freeze_after), interval{0, 1e15});
    f("safeguard", safeguard ? "yes" : "no");
    f("limiter", limiter ? "yes" : "no");
    f("share", name_of(by));
  }
  template <class T> MANGO_HD static T apply(const frame& k, T u) { return k.d * u; }

  // what is multiplied and summed: g (p0 - p), and |s|
  struct looking {
    float b3, fresh;
    bool starts;
    float *p0, *s;
    template <class At, class T> MANGO_HD products<T, 2> operator()(At at, T p, T g) const {
      if (starts) mango::save(p0, at, p);
      const T moved = T(b3) * mango::load(s, at) + T(fresh) * g;
      mango::save(s, at, moved);
      return {{g, math::abs(moved)}, {mango::load(p0, at) - p, T(1.0f)}};
    }
  };
  MANGO_EITHER_SIDE
  template <class Numbers> MANGO_HOST_DEVICE static void observe(const frame& k, const Numbers& of, double* seen) {
    if (k.frozen) return;
    of.each(k.every, seen, looking{k.b3, k.fresh, k.starts, of.slice(0), of.slice(1)});
  }
  MANGO_HOST_DEVICE void learn(memory& m, const step_info& s, const double* found) const {
    const double d = s.distance;
    m.pending = 1;
    m.numerator = d / d0 * d * learning_rate_at(learning_rate, s) * found[0];
    m.denominator = found[1];
  }

  using pooled = memory;
  MANGO_HOST_DEVICE void gather(pooled& all, const memory& m) const {
    if (m.d > all.d) all.d = m.d, all.d_max = m.d_max, all.r = m.r, all.updates = m.updates;
    all.pending += m.pending;
    all.numerator += m.numerator;
    all.denominator += m.denominator;
  }
  MANGO_HOST_DEVICE void share(memory& m, const pooled& all) const {
    m.d = all.d > 0 ? all.d : d0;
    m.d_max = all.d_max > 0 ? all.d_max : d0;
    m.r = all.r;
    m.updates = all.updates;
    const bool frozen = freeze_after > 0 && m.updates >= static_cast<double>(freeze_after);
    if (all.pending > 0 && !frozen) {
      m.r = b3 * m.r + all.numerator;
      m.updates += 1;
      if (all.denominator > 0) grow(m, d_coef * m.r / all.denominator);
    }
    m.pending = m.numerator = m.denominator = 0;
  }

 private:
  MANGO_HOST_DEVICE void grow(memory& m, double estimate) const {
    const double limit = m.d * 1.189207115002721;
    if (limiter && estimate > limit) estimate = limit;
    if (m.d == d0 && estimate > m.d) m.d = estimate;
    if (estimate > m.d_max) m.d_max = estimate;
    const double most = m.d * growth_rate;
    m.d = m.d_max < most ? m.d_max : most;
  }
};

}  // namespace mango
