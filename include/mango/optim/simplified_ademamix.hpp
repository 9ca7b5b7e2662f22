#pragma once
// Simplified AdEMAMix: Adam with a decaying sum of gradients for momentum, plus the gradient itself.
#include "mango/optim/features.hpp"
#include "mango/optim/named_optimizer.hpp"
#include "mango/rule/second_moment.hpp"

namespace mango::inline MANGO_ABI {

/// Hyperparameters of Simplified AdEMAMix. The rate is about 100 times smaller than Adam's, since updates are larger.
struct simplified_ademamix_config {
  schedule learning_rate = 1e-5;  ///< a constant, or warmup_cosine, polynomial_decay, step_decay
  double b1 = 0.99;               ///< (0, 1)
  double b2 = 0.999;              ///< [0, 1)
  double eps = 1e-8;              ///< [1e-30, 1]
  double alpha_grad = 100;        ///< weight of the gradient beside momentum: 100 for small batches, 0 for large ones
  double b1_min = 0.9;            ///< where b1 starts with a warm-up
  std::int64_t b1_warmup = 0;     ///< steps over which b1 grows; 0: none
  double weight_decay = 0;        ///< decoupled: each step multiplies weights by 1 - lr weight_decay
  bool bias_correction = true;
  bool orthograd = false, cautious_decay = false, kourkoutas = false;  ///< features; see direction_features
  double b2_min = 0.9;                                                 ///< with kourkoutas
  double max_norm = 0;  ///< clips all gradients together to this L2 norm; 0: no clipping
  optimizer_options options = {};
};

namespace detail {
template <class Features> struct simplified_ademamix_recipe {
  using config = simplified_ademamix_config;
  static constexpr std::string_view kind = "simplified_ademamix";
  static auto rules(const simplified_ademamix_config& c) {
    const direction_features f{
        .orthograd = c.orthograd, .cautious_decay = c.cautious_decay, .kourkoutas = c.kourkoutas, .b2_min = c.b2_min};
    check_features<Features, 2>(f, c.b1);
    if (c.b1_warmup == 0 && c.b1_min != simplified_ademamix_config{}.b1_min)
      refuse_feature("b1_min", "has no effect without b1_warmup");
    return chain(clip_by_global_norm{c.max_norm}, before_momentum<Features>(f, c.b2),
                 accumulate_gradient{c.b1, c.alpha_grad, c.b1_warmup > 0 || c.b1_min < c.b1 ? c.b1_min : c.b1,
                                     c.b1_warmup, c.bias_correction},
                 scale_by_second_moment{c.b2, c.eps, 0, c.bias_correction},
                 cautious_step{c.learning_rate, c.weight_decay, c.cautious_decay});
  }
};
}  // namespace detail

/// Simplified AdEMAMix.  m <- b1 m + g;  v <- b2 v + (1-b2) g^2;  p <- (1 - lr wd) p - lr (m + alpha_grad g) / w /
/// (sqrt(v / bc2) + eps), where w is what constant gradients would add up to in m.
/// Morwani et al. 2025, Algorithm 1, arXiv:2502.02431. State: m and v, and a double per tensor.
/// Differs: w divides by default, as in the collection of "advanced optimizers"; the authors' code offers it.
template <class Stores = stores<fp32, fp32>, elementwise_backend Backend = host, class Features = plain>
class simplified_ademamix : public named_optimizer<detail::simplified_ademamix_recipe<Features>, Stores, Backend> {
 public:
  explicit simplified_ademamix(const simplified_ademamix_config& c = {}, const Backend& backend = {})
      : named_optimizer<detail::simplified_ademamix_recipe<Features>, Stores, Backend>(c, backend) {}
};

}  // namespace mango
