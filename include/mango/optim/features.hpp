#pragma once
// The features that adaptive optimizers share: what they are called in a configuration, the rules they are, and which
// of them contradict each other.
#include "mango/rule/accumulated_gradient.hpp"
#include "mango/rule/cautious.hpp"
#include "mango/rule/cautious_decay.hpp"
#include "mango/rule/global_norm.hpp"
#include "mango/rule/grams.hpp"
#include "mango/rule/kourkoutas.hpp"
#include "mango/rule/momentum.hpp"
#include "mango/rule/nesterov.hpp"
#include "mango/rule/orthograd.hpp"
#include "mango/rule/slow_average.hpp"
#include "mango/rule/switched.hpp"

namespace mango::inline MANGO_ABI {

/// What an optimizer's type has compiled in. A chain of exactly the rules that are wanted, without switches, is
/// written with chain(...).
///   plain     its own rules alone, in one pass
///   featured  every feature, switched on and off by the configuration; orthograd and cautious take a pre-pass each
struct plain {
  static constexpr bool has_features = false;
};
struct featured {
  static constexpr bool has_features = true;
};

/// Features of Adam, ADOPT and Prodigy; all are off at first.
struct direction_features {
  bool orthograd = false;       ///< only the part of the gradient that is orthogonal to the weights
  bool cautious = false;        ///< no update where momentum and gradient disagree
  bool grams = false;           ///< signs from the gradient, sizes from momentum
  bool nesterov = false;        ///< momentum looks one gradient ahead
  bool atan2 = false;           ///< atan2 in place of division: no eps, and no update that is far too large
  bool simplified = false;      ///< momentum is a decaying sum, plus alpha_grad times the gradient
  bool cautious_decay = false;  ///< no weight decay where it works against the update
  bool kourkoutas = false;      ///< b2 between b2_min and b2, lower after large gradients
  double alpha_grad = 100;      ///< with simplified
  double b2_min = 0.9;          ///< with kourkoutas
  double slow_alpha = 0;        ///< weight of a slow average, which takes a third store; 0: none
  double slow_b3 = 0.9999;      ///< [0, 1): of the slow average
  std::int64_t slow_alpha_warmup = 0, slow_b3_warmup = 0;  ///< steps over which the two grow; 0: none
};

namespace detail {
/// Whether a configuration asks for what a plain type does not have.
template <class Config> bool any_feature(const Config& c) {
  bool any = c.orthograd || c.cautious_decay;
  if constexpr (requires { c.cautious; }) any = any || c.cautious;
  if constexpr (requires { c.kourkoutas; }) any = any || c.kourkoutas;
  if constexpr (requires { c.slow_alpha; })
    any = any || c.grams || c.nesterov || c.atan2 || c.simplified || c.slow_alpha > 0;
  return any;
}
[[noreturn]] inline void refuse_feature(std::string_view name, std::string_view why) {
  raise(errc::config, {name, " ", why}, name);
}

// what only means something together with a feature that is off
inline void check_unused(const direction_features& f) {
  const direction_features usual;
  const struct {
    const char *name, *with;
    bool unused;
  } each[] = {{"alpha_grad", "simplified", !f.simplified && f.alpha_grad != usual.alpha_grad},
              {"b2_min", "kourkoutas", !f.kourkoutas && f.b2_min != usual.b2_min},
              {"slow_b3", "slow_alpha", !(f.slow_alpha > 0) && f.slow_b3 != usual.slow_b3},
              {"slow_alpha_warmup", "slow_alpha", !(f.slow_alpha > 0) && f.slow_alpha_warmup != 0},
              {"slow_b3_warmup", "slow_alpha", !(f.slow_alpha > 0) && f.slow_b3_warmup != 0}};
  for (const auto& e : each)
    if (e.unused) refuse_feature(e.name, concat({"has no effect without ", e.with}));
}

/// Raises errc::config for the first thing that a configuration of features contradicts. `Slots` stores are there.
template <class Features, int Slots> void check_features(const direction_features& f, double b1) {
  const struct {
    const char* name;
    bool on;
  } each[] = {{"orthograd", f.orthograd},
              {"cautious", f.cautious},
              {"grams", f.grams},
              {"nesterov", f.nesterov},
              {"atan2", f.atan2},
              {"simplified", f.simplified},
              {"kourkoutas", f.kourkoutas},
              {"cautious_decay", f.cautious_decay},
              {"slow_alpha", f.slow_alpha > 0}};
  for (const auto& e : each)
    if (e.on && !Features::has_features)
      refuse_feature(e.name, "is a feature, and this type is plain: name mango::featured after the backend");
  if (f.cautious && f.grams) refuse_feature("grams", "and cautious both decide the sign of an update: switch one off");
  check_unused(f);
  const bool edits = f.cautious || f.grams || f.nesterov;
  if (f.simplified && (edits || f.atan2 || f.slow_alpha > 0))
    refuse_feature("simplified",
                   "adds the gradient to momentum itself: switch off cautious, grams, nesterov, atan2 and slow_alpha");
  if ((b1 == 0 || Slots == 1) && (edits || f.simplified))
    refuse_feature("b1", concat({"is 0, so there is no momentum that ",
                                 f.cautious   ? "cautious"
                                 : f.grams    ? "grams"
                                 : f.nesterov ? "nesterov"
                                              : "simplified",
                                 " could edit"}));
  if (Slots == 1 && b1 != 0)
    refuse_feature("b1", "needs a store for momentum: write b1 = 0, or give as many stores as there are slots");
  if (f.slow_alpha > 0 && Slots != 3) refuse_feature("slow_alpha", "needs a third store, for the slow average");
  if (Slots == 3 && !(f.slow_alpha > 0))
    refuse_feature("slow_alpha", "is 0, so a third store, for the slow average, would keep what nobody reads");
}
// eps is not looked at by atan2
inline void check_eps(bool atan2, double eps, double usual) {
  if (atan2 && eps != usual && eps != 0) refuse_feature("eps", "has no effect with atan2: leave it out");
}

/// What comes before momentum.
template <class Features> auto before_momentum(const direction_features& f, double b2) {
  if constexpr (Features::has_features)
    return chain(switched<mango::orthograd>{f.orthograd, {}},
                 choose_b2{.b2_max = b2, .b2_min = f.kourkoutas || f.b2_min < b2 ? f.b2_min : b2, .on = f.kourkoutas});
  else return chain();
}
/// Momentum and what is made of it. `corrected`: its bias is, here.
template <class Features, int Slots> auto momentum(const direction_features& f, double b1, bool corrected = false) {
  if constexpr (!Features::has_features) {
    if constexpr (Slots == 1) return chain(no_momentum{});
    else return chain(average_updates{b1, corrected});
  } else {
    const auto edits = chain(switched<mango::cautious>{f.cautious, {}}, switched<mango::grams>{f.grams, {}},
                             switched<mango::nesterov>{f.nesterov, {b1}});
    const accumulate_gradient own{
        .b1 = b1, .alpha = f.alpha_grad, .b1_min = b1, .bias_correction = corrected, .average = !f.simplified};
    const add_slow_average slow{f.slow_b3, f.slow_alpha, f.slow_alpha_warmup, f.slow_b3_warmup, b1};
    if constexpr (Slots == 1) return chain(no_momentum{});
    else if constexpr (Slots == 2) return chain(own, edits);
    else return chain(own, edits, slow);
  }
}
}  // namespace detail

}  // namespace mango
