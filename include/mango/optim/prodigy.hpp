#pragma once
// Prodigy: Adam that finds its learning rate.
#include "mango/optim/features.hpp"
#include "mango/optim/named_optimizer.hpp"
#include "mango/rule/prodigy.hpp"
#include "mango/rule/second_moment.hpp"

namespace mango::inline MANGO_ABI {

/// How Prodigy learns the distance d; see estimate_distance.
struct distance_options {
  double d0 = 1e-6;               ///< [1e-30, 1e30]: where d starts
  double d_coef = 1;              ///< [1e-30, 1e30]: multiplies the estimate; 0.5 to 2 for shorter or longer steps
  double growth_rate = 1e30;      ///< how many times larger d may become in one step
  std::int64_t slice = 11;        ///< every so many-th number of a tensor is looked at; 1: all
  std::int64_t freeze_after = 0;  ///< steps after which d stays; 0: never
  bool safeguard = false;         ///< a warm-up of the rate does not slow the estimate down
  bool limiter = false;           ///< d grows by at most 2^(1/4) per step
  pool share = pool::all;         ///< which tensors share one d
};

/// Hyperparameters of Prodigy. Defaults are those of its code, but that d is learned from every 11th number.
struct prodigy_config {
  schedule learning_rate = 1;  ///< relative to d: 1, or a schedule whose peak is 1
  double b1 = 0.9;             ///< [0, 1); with one store 0
  double b2 = 0.999;           ///< [0, 1)
  double b3 = 0;               ///< [0, 1): of the distance; 0: the root of b2
  double eps = 1e-8;           ///< [1e-30, 1], times d
  double weight_decay = 0;     ///< decoupled: each step multiplies weights by 1 - d lr weight_decay
  distance_options distance = {};
  double max_norm = 0;  ///< clips all gradients together to this L2 norm; 0: no clipping
  direction_features features = {};
  optimizer_options options = {};
};

namespace detail {
/// The rule that learns d. `alpha` is how many times the gradient itself is in an update.
inline estimate_distance distance_rule(const distance_options& o, const schedule& rate, double b3, double alpha = 1) {
  return {rate, o.d0, o.d_coef / alpha, o.growth_rate, b3, o.slice, o.freeze_after, o.safeguard, o.limiter, o.share};
}
/// What a group may not change: one d for all tensors cannot be learned from rates that differ, and tensors that learn
/// together agree on which those are.
template <class Config> void check_distance_group(const Config& own, const Config& c) {
  const schedule &a = own.learning_rate, &b = c.learning_rate;
  const bool function = a.form() == schedule::kind::function;
  const bool same = a.form() == b.form() && (function ? a(1) == b(1)
                                                      : a.peak() == b.peak() && a.final_rate() == b.final_rate() &&
                                                            a.parameter() == b.parameter() &&
                                                            a.warmup() == b.warmup() && a.total() == b.total());
  if (c.distance.share != own.distance.share) refuse_feature("share", "is the optimizer's: no group has another");
  if (own.distance.share == pool::all && !same)
    refuse_feature("learning_rate",
                   "differs between groups that share one d: give each group its own, distance.share "
                   "= mango::pool::group");
}

template <class Features, int Slots> struct prodigy_recipe {
  static_assert(Slots >= 1 && Slots <= (Features::has_features ? 3 : 2),
                "mango: prodigy keeps v in one store, m and v in two, or m, (featured) a slow average and v in three");
  using config = prodigy_config;
  static constexpr std::string_view kind = "prodigy";
  static auto rules(const prodigy_config& c) {
    const auto& f = c.features;
    check_features<Features, Slots>(f, c.b1);
    check_eps(f.atan2, c.eps, prodigy_config{}.eps);
    const double b3 = c.b3 > 0 ? c.b3 : __builtin_sqrt(c.b2);
    return chain(clip_by_global_norm{c.max_norm}, before_momentum<Features>(f, c.b2),
                 distance_rule(c.distance, c.learning_rate, b3, f.simplified ? f.alpha_grad : 1),
                 momentum<Features, Slots>(f, c.b1), scale_by_second_moment{c.b2, c.eps, 0, false, f.atan2},
                 cautious_step{c.learning_rate, c.weight_decay, f.cautious_decay});
  }
  static void check_group(const prodigy_config& own, const prodigy_config& c) { check_distance_group(own, c); }
};
}  // namespace detail

/// Prodigy.  m <- b1 m + (1-b1) d g;  v <- b2 v + (1-b2) d^2 g^2;  p <- p - d lr wd p - d lr m / (sqrt(v) + d eps),
/// with the distance d learned on the way (estimate_distance).
/// Mishchenko & Defazio 2024, Algorithm 4, arXiv:2306.06101. State: m and v, two numbers for every 11th, and 7 doubles
/// per tensor; with one store v alone (b1 = 0), with three m, a slow average and v (mango::featured).
/// Differs: d is learned from every 11th number (distance.slice = 1: from all), and used one step later, so that
/// tensors can be updated one by one.
template <class Stores = stores<fp32, fp32>, elementwise_backend Backend = host, class Features = plain>
class prodigy : public named_optimizer<detail::prodigy_recipe<Features, Stores::count>, Stores, Backend> {
 public:
  explicit prodigy(const prodigy_config& c = {}, const Backend& backend = {})
      : named_optimizer<detail::prodigy_recipe<Features, Stores::count>, Stores, Backend>(c, backend) {}
};

}  // namespace mango
