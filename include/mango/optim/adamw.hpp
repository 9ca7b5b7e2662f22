#pragma once
// AdamW: Adam with decoupled weight decay.
#include "mango/optim/optimizer.hpp"
#include "mango/rule/adam.hpp"
#include "mango/rule/global_norm.hpp"
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
  optimizer_options options = {};
};

/// clip_by_global_norm, scale_by_adam, decoupled_step: AdamW as a chain, to extend with rules of your own.
inline auto adamw_rules(const adamw_config& c = {}) {
  return chain(clip_by_global_norm{c.max_norm}, scale_by_adam{c.b1, c.b2, c.eps, c.convention, c.bias_correction},
               decoupled_step{c.learning_rate, c.weight_decay,
                              c.convention == adam_convention::hf ? decay_order::after : decay_order::before});
}

/// AdamW.  m <- b1 m + (1-b1) g;  v <- b2 v + (1-b2) g^2;  p <- (1 - lr wd) p - lr m^ / (sqrt(v^) + eps).
/// Loshchilov & Hutter 2019, Algorithm 2, arXiv:1711.05101. State: m and v, one store each; 8 bytes per parameter in
/// fp32, 4 in bf16.
template <class Stores = stores<fp32, fp32>, elementwise_backend Backend = host>
class adamw : public optimizer<decltype(adamw_rules()), Stores, Backend> {
  using base = optimizer<decltype(adamw_rules()), Stores, Backend>;

 public:
  using config = adamw_config;
  explicit adamw(const adamw_config& c = {}, const Backend& backend = {})
      : base(adamw_rules(c), {}, backend, c.options) {}
  using base::group;
  /// Other hyperparameters for the tensors that match; `c.options` are the optimizer's and not looked at again.
  std::size_t group(const tensor_filter& filter, const adamw_config& c) { return base::group(filter, adamw_rules(c)); }
  static constexpr std::string_view kind() { return "adamw"; }
  text describe() const { return base::describe(kind()); }
};

}  // namespace mango
