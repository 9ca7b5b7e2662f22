#pragma once
// Adam: with weight decay, if any, as part of the gradient.
#include "mango/optim/named_optimizer.hpp"
#include "mango/rule/adam.hpp"
#include "mango/rule/global_norm.hpp"
#include "mango/rule/weight_decay.hpp"

namespace mango::inline MANGO_ABI {

/// Hyperparameters of Adam. Defaults are those of torch.optim.Adam and of the paper's Algorithm 1.
struct adam_config {
  schedule learning_rate = 1e-3;  ///< a constant, or warmup_cosine, polynomial_decay, step_decay
  double b1 = 0.9;                ///< [0, 1)
  double b2 = 0.999;              ///< [0, 1)
  double eps = 1e-8;              ///< [1e-30, 1]
  double weight_decay = 0;        ///< coupled: the gradient of weight_decay |p|^2 / 2 joins g
  adam_convention convention = adam_convention::torch;
  bool bias_correction = true;
  double max_norm = 0;  ///< clips all gradients together to this L2 norm; 0: no clipping
  optimizer_options options = {};
};

/// clip_by_global_norm, add_decayed_weights, scale_by_adam, scale_by_learning_rate.
inline auto adam_rules(const adam_config& c = {}) {
  return chain(clip_by_global_norm{c.max_norm}, add_decayed_weights{c.weight_decay},
               scale_by_adam{c.b1, c.b2, c.eps, c.convention, c.bias_correction},
               scale_by_learning_rate{c.learning_rate});
}

namespace detail {
struct adam_recipe {
  using config = adam_config;
  static constexpr std::string_view kind = "adam";
  static auto rules(const adam_config& c) { return adam_rules(c); }
};
}  // namespace detail

/// Adam.  g <- g + wd p;  m <- b1 m + (1-b1) g;  v <- b2 v + (1-b2) g^2;  p <- p - lr m^ / (sqrt(v^) + eps).
/// Kingma & Ba 2015, Algorithm 1, arXiv:1412.6980, with the L2 term of torch.optim.Adam. State: m and v.
template <class Stores = stores<fp32, fp32>, elementwise_backend Backend = host>
class adam : public named_optimizer<detail::adam_recipe, Stores, Backend> {
 public:
  explicit adam(const adam_config& c = {}, const Backend& backend = {})
      : named_optimizer<detail::adam_recipe, Stores, Backend>(c, backend) {}
};

}  // namespace mango
