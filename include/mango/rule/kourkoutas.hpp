#pragma once
// Kourkoutas-beta: a second moment that forgets faster when gradients jump.
#include "mango/rule/learning.hpp"

namespace mango::inline MANGO_ABI {

/// Chooses b2 anew for every step:  n = |g| over all tensors of the pool in the step before;  e <- a e + (1-a) n;
/// q = n / (e + tiny);  b2 <- b2_max - (b2_max - b2_min) q / (1 + q), b2_max before anything is known. The rule with
/// the second moment comes after it; bias correction there keeps b2_max.
/// Kassinos 2025, arXiv:2508.12996; defaults are its own. Over the first `warmup` steps b2 is led from b2_max to what
/// was chosen.
/// Differs: the published optimizer looks at the step at hand, and so needs all gradients before the first update. u
/// passes through unchanged. State: 5 doubles per tensor.
struct choose_b2 {
  double b2_max = 0.999, b2_min = 0.9, a = 0.95, tiny = 1e-9;
  std::int64_t warmup = 0;
  bool on = true;
  pool by = pool::shape;

  static constexpr std::array<slot, 0> slots{};
  static constexpr const char* memory_name = "kourkoutas";
  static constexpr std::array remembered{"b2", "e", "known", "pending", "squares"};
  struct memory {
    double b2, e, known;      // b2 is that of the step at hand, and 0 once it has been used
    double pending, squares;  // of a step that nothing was learned from yet
  };
  static constexpr int sums = 1;
  struct frame {
    bool on;
  };
  MANGO_HOST_DEVICE pool pooled_by() const { return by; }

  MANGO_HOST_DEVICE void inform(step_info& s, const memory& m) const {
    if (!on) return;
    const double chosen = m.known > 0 ? m.b2 : b2_max;
    const auto done = static_cast<double>(s.t - 1), steps = static_cast<double>(warmup);
    const double weight = done < steps ? done / steps : 1;
    s.b2 = b2_max + weight * (chosen - b2_max);
  }
  MANGO_HOST_DEVICE frame fold(const step_info&) const { return {on}; }
  template <class F> void hyperparameters(F&& f) const {
    f("kourkoutas", on ? "yes" : "no");
    f("b2_max", b2_max, fraction);
    f("b2_min", b2_min, interval{0, b2_max});
    f("ema", a, fraction);
    f("tiny", tiny, interval{1e-30, 1});
    f("b2_warmup", static_cast<double>(warmup), interval{0, 1e15});
    f("b2_share", name_of(by));
  }
  template <class T> MANGO_HD static T apply(const frame&, T u) { return u; }

  bool observes() const { return on; }
  MANGO_EITHER_SIDE
  template <class Numbers> MANGO_HOST_DEVICE static void observe(const frame& k, const Numbers& of, double* seen) {
    if (k.on) seen[0] += of.squared_norm();
  }
  MANGO_HOST_DEVICE void learn(memory& m, const step_info&, const double* found) const {
    m.pending = on ? 1 : 0;
    m.squares = found[0];
    m.b2 = 0;
  }

  using pooled = memory;
  MANGO_HOST_DEVICE void gather(pooled& all, const memory& m) const {
    if (m.known > all.known) all.b2 = m.b2, all.e = m.e, all.known = m.known;
    all.pending += m.pending;
    all.squares += m.squares;
  }
  MANGO_HOST_DEVICE void share(memory& m, const pooled& all) const {
    m = all;
    m.pending = m.squares = 0;
    if (!(all.pending > 0)) return;
    const double n = __builtin_sqrt(all.squares);
    m.e = a * all.e + (1 - a) * n;
    const double q = n / (m.e + tiny);
    m.b2 = b2_max - (b2_max - b2_min) * q / (1 + q);
    m.known = 1;
  }
};

}  // namespace mango
