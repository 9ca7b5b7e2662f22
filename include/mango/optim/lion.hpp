#pragma once
// Lion: signed momentum with decoupled weight decay.
#include "mango/optim/optimizer.hpp"
#include "mango/rule/global_norm.hpp"
#include "mango/rule/lion.hpp"
#include "mango/rule/weight_decay.hpp"

namespace mango::inline MANGO_ABI {

/// Hyperparameters of Lion. Defaults are those of the paper's own code; the paper advises 3 to 10 times less learning
/// rate than AdamW's, and as many times more decay.
struct lion_config {
  schedule learning_rate = 1e-4;  ///< a constant, or warmup_cosine, polynomial_decay, step_decay
  double b1 = 0.9;                ///< [0, 1): how much momentum the sign is taken of
  double b2 = 0.99;               ///< [0, 1): how much momentum is kept
  double weight_decay = 0;        ///< decoupled: each step multiplies weights by 1 - lr weight_decay
  double max_norm = 0;            ///< clips all gradients together to this L2 norm; 0: no clipping
  optimizer_options options = {};
};

/// clip_by_global_norm, scale_by_lion, decoupled_step.
inline auto lion_rules(const lion_config& c = {}) {
  return chain(clip_by_global_norm{c.max_norm}, scale_by_lion{c.b1, c.b2},
               decoupled_step{c.learning_rate, c.weight_decay});
}

/// Lion.  c = b1 m + (1-b1) g;  m <- b2 m + (1-b2) g;  p <- (1 - lr wd) p - lr sign(c).
/// Chen et al. 2023, Algorithm 2, arXiv:2302.06675. State: m; 4 bytes per parameter in fp32, 2 in bf16.
template <class Stores = stores<fp32>, elementwise_backend Backend = host>
class lion : public optimizer<decltype(lion_rules()), Stores, Backend> {
  using base = optimizer<decltype(lion_rules()), Stores, Backend>;

 public:
  using config = lion_config;
  explicit lion(const lion_config& c = {}, const Backend& backend = {}) : base(lion_rules(c), {}, backend, c.options) {}
  using base::group;
  /// Other hyperparameters for the tensors that match; `c.options` are the optimizer's and not looked at again.
  std::size_t group(const tensor_filter& filter, const lion_config& c) { return base::group(filter, lion_rules(c)); }
  static constexpr std::string_view kind() { return "lion"; }
  text describe() const { return base::describe(kind()); }
};

}  // namespace mango
