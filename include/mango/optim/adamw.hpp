#pragma once
// AdamW: Adam with decoupled weight decay.
#include "mango/optim/features.hpp"
#include "mango/optim/named_optimizer.hpp"
#include "mango/rule/adam.hpp"
#include "mango/rule/second_moment.hpp"
#include "mango/rule/weight_decay.hpp"

namespace mango::inline MANGO_ABI {

/// Hyperparameters of AdamW. Defaults are those of torch.optim.AdamW, read from its documentation.
struct adamw_config {
  schedule learning_rate = 1e-3;  ///< a constant, or warmup_cosine, polynomial_decay, step_decay
  double b1 = 0.9;                ///< [0, 1)
  double b2 = 0.999;              ///< [0, 1)
  double eps = 1e-8;              ///< [1e-30, 1]
  double weight_decay = 0.01;     ///< decoupled: each step multiplies weights by 1 - lr weight_decay
  adam_convention convention = adam_convention::torch;
  bool bias_correction = true;
  double max_norm = 0;  ///< clips all gradients together to this L2 norm; 0: no clipping
  direction_features features = {};
  optimizer_options options = {};
};

/// clip_by_global_norm, scale_by_adam, decoupled_step: AdamW as a chain, to extend with rules of your own.
inline auto adamw_rules(const adamw_config& c = {}) {
  return chain(clip_by_global_norm{c.max_norm}, scale_by_adam{c.b1, c.b2, c.eps, c.convention, c.bias_correction},
               decoupled_step{c.learning_rate, c.weight_decay,
                              c.convention == adam_convention::hf ? decay_order::after : decay_order::before});
}

namespace detail {
template <class Features, int Slots> struct adamw_recipe {
  static_assert(Slots >= 1 && Slots <= (Features::has_features ? 3 : 2),
                "mango: adamw keeps v in one store, m and v in two, or m, (featured) a slow average and v in three");
  using config = adamw_config;
  static constexpr std::string_view kind = "adamw";
  static auto rules(const adamw_config& c) {
    const auto& f = c.features;
    check_features<Features, Slots>(f, c.b1);
    check_eps(f.atan2, c.eps, adamw_config{}.eps);
    if constexpr (Slots == 2 && !Features::has_features) {
      return adamw_rules(c);
    } else {
      if (c.convention != adam_convention::torch)
        refuse_feature("convention", "is torch with features, and without momentum");
      return chain(clip_by_global_norm{c.max_norm}, before_momentum<Features>(f, c.b2),
                   momentum<Features, Slots>(f, c.b1),
                   scale_by_second_moment{c.b2, c.eps, c.b1, c.bias_correction, f.atan2},
                   cautious_step{c.learning_rate, c.weight_decay, f.cautious_decay});
    }
  }
};
}  // namespace detail

/// AdamW.  m <- b1 m + (1-b1) g;  v <- b2 v + (1-b2) g^2;  p <- (1 - lr wd) p - lr m^ / (sqrt(v^) + eps).
/// Loshchilov & Hutter 2019, Algorithm 2, arXiv:1711.05101. State: m and v, one store each; 8 bytes per parameter in
/// fp32, 4 in bf16. With one store, v alone, without momentum; with three, m, a slow average and v (mango::featured).
template <class Stores = stores<fp32, fp32>, elementwise_backend Backend = host, class Features = plain>
class adamw : public named_optimizer<detail::adamw_recipe<Features, Stores::count>, Stores, Backend> {
 public:
  explicit adamw(const adamw_config& c = {}, const Backend& backend = {})
      : named_optimizer<detail::adamw_recipe<Features, Stores::count>, Stores, Backend>(c, backend) {}
};

}  // namespace mango
