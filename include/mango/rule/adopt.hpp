#pragma once
// ADOPT's direction: the gradient over the root of a second moment that has not seen it yet.
#include "mango/core/atan2.hpp"
#include "mango/rule/rule.hpp"

namespace mango::inline MANGO_ABI {

/// Where eps acts in ADOPT.
///   official  u / max(sqrt(v), eps)     the paper's; the authors' code
///   adv       u / (sqrt(v) + eps)       the collection of "advanced optimizers"
enum class adopt_convention : std::uint8_t { official, adv };

/// "official" or "adv".
constexpr const char* name_of(adopt_convention c) { return c == adopt_convention::official ? "official" : "adv"; }

/// ADOPT.  At t = 1, v <- u^2 and u <- 0: the step after has the first update. From then on u <- clip(u / max(sqrt(v),
/// eps), (t-1)^0.25) with the v of before, then v <- b2 v + (1-b2) u^2 with the u of before.
/// Taniguchi et al. 2024, Algorithm 2 with the clipping of its Section 5, arXiv:2411.02853; defaults are the paper's.
/// With `atan2`, u <- (4 / pi) atan2(u, sqrt(v)) instead, which needs neither eps nor clipping and starts at t = 1.
struct scale_by_adopt {
  double b2 = 0.9999, eps = 1e-6;
  adopt_convention convention = adopt_convention::official;
  bool atan2 = false;

  static constexpr std::array slots{slot{"v", range::nonnegative}};
  struct frame {
    float b2, c2;        // c = 1 - b
    float floor, added;  // of sqrt(v): max(sqrt(v), floor) + added
    float limit;         // of the quotient
    bool starts, atan2;  // at t = 1 v is u^2 before it is used
  };
  MANGO_HOST_DEVICE frame fold(const step_info& s) const {
    const double average = s.b2 >= 0 ? s.b2 : b2, e = eps * s.distance;
    const bool official = convention == adopt_convention::official;
    return {static_cast<float>(average),
            static_cast<float>(1 - average),
            static_cast<float>(official ? e : 0),
            static_cast<float>(official ? 0 : e),
            static_cast<float>(__builtin_pow(static_cast<double>(s.t - 1), 0.25)),
            s.t == 1,
            atan2};
  }
  template <class F> void hyperparameters(F&& f) const {
    f("b2", b2, fraction);
    if (!atan2) f("eps", eps, interval{1e-30, 1});
    f("convention", name_of(convention));
    f("atan2", atan2 ? "yes" : "no");
  }
  template <class T> MANGO_HD static T apply(const frame& k, T u, T& v) {
    if (k.starts) v = u * u;
    const T root = math::sqrt(v);
    v = k.b2 * v + k.c2 * u * u;
    if (k.atan2) return T(1.27323954f) * math::atan2(u, root);
    const T x = u / (math::max(root, T(k.floor)) + k.added);
    return math::max(math::min(x, T(k.limit)), T(-k.limit));
  }
};

}  // namespace mango
