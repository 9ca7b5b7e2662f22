#pragma once
// ADOPT: Adam whose second moment does not see the gradient that it divides.
#include "mango/optim/features.hpp"
#include "mango/optim/named_optimizer.hpp"
#include "mango/rule/adopt.hpp"

namespace mango::inline MANGO_ABI {

/// Hyperparameters of ADOPT. Defaults are the paper's.
struct adopt_config {
  schedule learning_rate = 1e-3;  ///< a constant, or warmup_cosine, polynomial_decay, step_decay
  double b1 = 0.9;                ///< [0, 1); with one store 0
  double b2 = 0.9999;             ///< [0, 1)
  double eps = 1e-6;              ///< [1e-30, 1]
  double weight_decay = 0;        ///< decoupled: each step multiplies weights by 1 - lr weight_decay
  adopt_convention convention = adopt_convention::official;
  double max_norm = 0;  ///< clips all gradients together to this L2 norm; 0: no clipping
  direction_features features = {};
  optimizer_options options = {};
};

namespace detail {
template <class Features, int Slots> struct adopt_recipe {
  static_assert(Slots >= 1 && Slots <= (Features::has_features ? 3 : 2),
                "mango: adopt keeps v in one store, v and m in two, or v, m and (featured) a slow average in three");
  using config = adopt_config;
  static constexpr std::string_view kind = "adopt";
  static auto rules(const adopt_config& c) {
    const auto& f = c.features;
    check_features<Features, Slots>(f, c.b1);
    check_eps(f.atan2, c.eps, adopt_config{}.eps);
    return chain(clip_by_global_norm{c.max_norm}, before_momentum<Features>(f, c.b2),
                 scale_by_adopt{c.b2, c.eps, c.convention, f.atan2}, momentum<Features, Slots>(f, c.b1),
                 cautious_step{c.learning_rate, c.weight_decay, f.cautious_decay, f.atan2 ? 0 : 1});
  }
};
}  // namespace detail

/// ADOPT.  x = clip(g / max(sqrt(v), eps), (t-1)^0.25) with v of the step before;  m <- b1 m + (1-b1) x;
/// p <- (1 - lr wd) p - lr m;  v <- b2 v + (1-b2) g^2. The first step sets v = g^2 and moves nothing.
/// Taniguchi et al. 2024, Algorithm 2 and Section 5, arXiv:2411.02853. State: v and m, in this order of stores; with
/// one store v alone (b1 = 0), with three a slow average as well (mango::featured).
/// Differs: weight decay is decoupled.
template <class Stores = stores<fp32, fp32>, elementwise_backend Backend = host, class Features = plain>
class adopt : public named_optimizer<detail::adopt_recipe<Features, Stores::count>, Stores, Backend> {
 public:
  explicit adopt(const adopt_config& c = {}, const Backend& backend = {})
      : named_optimizer<detail::adopt_recipe<Features, Stores::count>, Stores, Backend>(c, backend) {}
};

}  // namespace mango
