#pragma once
// Prodigy-Lion: Lion that finds its learning rate.
#include "mango/optim/lion.hpp"
#include "mango/optim/prodigy.hpp"

namespace mango::inline MANGO_ABI {

/// Hyperparameters of Prodigy-Lion.
struct prodigy_lion_config {
  schedule learning_rate = 1;  ///< relative to d: 1, or a schedule whose peak is 1
  double b1 = 0.9;             ///< [0, 1): how much momentum the sign is taken of
  double b2 = 0.99;            ///< [0, 1): how much momentum is kept
  double b3 = 0;               ///< [0, 1): of the distance; 0: the root of b2
  double weight_decay = 0;     ///< decoupled: each step multiplies weights by 1 - d lr weight_decay
  distance_options distance = {.limiter = true};
  double max_norm = 0;                                               ///< clips all gradients together to this L2 norm
  bool orthograd = false, cautious = false, cautious_decay = false;  ///< features; see direction_features
  optimizer_options options = {};
};

namespace detail {
template <class Features> struct prodigy_lion_recipe {
  using config = prodigy_lion_config;
  static constexpr std::string_view kind = "prodigy_lion";
  static auto rules(const prodigy_lion_config& c) {
    check_lion<Features>(c);
    const double b3 = c.b3 > 0 ? c.b3 : __builtin_sqrt(c.b2);
    return chain(clip_by_global_norm{c.max_norm}, before_lion<Features>(c.orthograd),
                 distance_rule(c.distance, c.learning_rate, b3), scale_by_lion{c.b1, c.b2},
                 after_lion<Features>(c.cautious), cautious_step{c.learning_rate, c.weight_decay, c.cautious_decay});
  }
  static void check_group(const prodigy_lion_config& own, const prodigy_lion_config& c) {
    check_distance_group(own, c);
  }
};
}  // namespace detail

/// Prodigy-Lion.  c = b1 m + (1-b1) d g;  m <- b2 m + (1-b2) d g;  p <- p - d lr wd p - d lr sign(c), with the distance
/// d learned on the way (estimate_distance). Lion: Chen et al. 2023, Algorithm 2, arXiv:2302.06675; the distance:
/// Mishchenko & Defazio 2024, arXiv:2306.06101; together: the collection of "advanced optimizers", whose d may grow by
/// 2^(1/4) per step. State: m, two numbers for every 11th, and 7 doubles per tensor.
/// Differs: a version of that collection writes a factored m with b1.
template <class Stores = stores<fp32>, elementwise_backend Backend = host, class Features = plain>
class prodigy_lion : public named_optimizer<detail::prodigy_lion_recipe<Features>, Stores, Backend> {
 public:
  explicit prodigy_lion(const prodigy_lion_config& c = {}, const Backend& backend = {})
      : named_optimizer<detail::prodigy_lion_recipe<Features>, Stores, Backend>(c, backend) {}
};

}  // namespace mango
