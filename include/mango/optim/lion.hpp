#pragma once
// Lion: signed momentum with decoupled weight decay.
#include "mango/optim/features.hpp"
#include "mango/optim/named_optimizer.hpp"
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
  bool orthograd = false, cautious = false, cautious_decay = false;  ///< features; see direction_features
  optimizer_options options = {};
};

/// clip_by_global_norm, scale_by_lion, decoupled_step.
inline auto lion_rules(const lion_config& c = {}) {
  return chain(clip_by_global_norm{c.max_norm}, scale_by_lion{c.b1, c.b2},
               decoupled_step{c.learning_rate, c.weight_decay});
}

namespace detail {
/// What comes before and after Lion's sign.
template <class Features> auto before_lion([[maybe_unused]] bool orthogonal) {
  if constexpr (Features::has_features) return chain(switched<orthograd>{orthogonal, {}});
  else return chain();
}
template <class Features> auto after_lion([[maybe_unused]] bool careful) {
  if constexpr (Features::has_features) return chain(switched<cautious>{careful, {}});
  else return chain();
}
template <class Features, class Config> void check_lion(const Config& c) {
  check_features<Features, 2>({.orthograd = c.orthograd, .cautious = c.cautious, .cautious_decay = c.cautious_decay},
                              c.cautious ? c.b1 : 1);
}

template <class Features> struct lion_recipe {
  using config = lion_config;
  static constexpr std::string_view kind = "lion";
  static auto rules(const lion_config& c) {
    check_lion<Features>(c);
    if constexpr (!Features::has_features) return lion_rules(c);
    else
      return chain(clip_by_global_norm{c.max_norm}, before_lion<Features>(c.orthograd), scale_by_lion{c.b1, c.b2},
                   after_lion<Features>(c.cautious), cautious_step{c.learning_rate, c.weight_decay, c.cautious_decay});
  }
};
}  // namespace detail

/// Lion.  c = b1 m + (1-b1) g;  m <- b2 m + (1-b2) g;  p <- (1 - lr wd) p - lr sign(c).
/// Chen et al. 2023, Algorithm 2, arXiv:2302.06675. State: m; 4 bytes per parameter in fp32, 2 in bf16.
template <class Stores = stores<fp32>, elementwise_backend Backend = host, class Features = plain>
class lion : public named_optimizer<detail::lion_recipe<Features>, Stores, Backend> {
 public:
  explicit lion(const lion_config& c = {}, const Backend& backend = {})
      : named_optimizer<detail::lion_recipe<Features>, Stores, Backend>(c, backend) {}
};

}  // namespace mango
