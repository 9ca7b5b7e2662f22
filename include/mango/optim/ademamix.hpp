#pragma once
// AdEMAMix: Adam with a second, slow momentum.
#include "mango/optim/named_optimizer.hpp"
#include "mango/optim/optimizer.hpp"
#include "mango/rule/global_norm.hpp"
#include "mango/rule/momentum.hpp"
#include "mango/rule/second_moment.hpp"
#include "mango/rule/slow_average.hpp"
#include "mango/rule/weight_decay.hpp"

namespace mango::inline MANGO_ABI {

/// Hyperparameters of AdEMAMix. Defaults are those of the authors' code.
struct ademamix_config {
  schedule learning_rate = 1e-3;  ///< a constant, or warmup_cosine, polynomial_decay, step_decay
  double b1 = 0.9;                ///< [0, 1)
  double b2 = 0.999;              ///< [0, 1)
  double b3 = 0.9999;             ///< [0, 1): of the slow momentum
  double alpha = 2;               ///< weight of the slow momentum; the paper advises 4 to 10 with its warm-up
  std::int64_t alpha_warmup = 0;  ///< steps over which alpha grows from 0
  std::int64_t b3_warmup = 0;     ///< steps over which b3's half-life grows from b1's
  double eps = 1e-8;              ///< [1e-30, 1]
  double weight_decay = 0;        ///< decoupled: each step multiplies weights by 1 - lr weight_decay
  bool correct_slow =
      false;            ///< divides the slow momentum by 1 - b1^t too, as the collection of "advanced optimizers" does
  double max_norm = 0;  ///< clips all gradients together to this L2 norm; 0: no clipping
  optimizer_options options = {};
};

namespace detail {
struct ademamix_recipe {
  using config = ademamix_config;
  static constexpr std::string_view kind = "ademamix";
  static auto rules(const ademamix_config& c) {
    return chain(clip_by_global_norm{c.max_norm}, average_updates{c.b1, !c.correct_slow},
                 add_slow_average{c.b3, c.alpha, c.alpha_warmup, c.b3_warmup, c.b1},
                 scale_by_second_moment{c.b2, c.eps, c.correct_slow ? c.b1 : 0},
                 decoupled_step{c.learning_rate, c.weight_decay});
  }
};
}  // namespace detail

/// AdEMAMix.  m <- b1 m + (1-b1) g;  m_slow <- b3 m_slow + (1-b3) g;  v <- b2 v + (1-b2) g^2;
/// p <- (1 - lr wd) p - lr (m / bc1 + alpha m_slow) / (sqrt(v / bc2) + eps).
/// Pagliardini, Ablin & Grangier 2024, Algorithm 1, arXiv:2409.03137. State: m, m_slow and v.
template <class Stores = stores<fp32, fp32, fp32>, elementwise_backend Backend = host>
class ademamix : public named_optimizer<detail::ademamix_recipe, Stores, Backend> {
 public:
  explicit ademamix(const ademamix_config& c = {}, const Backend& backend = {})
      : named_optimizer<detail::ademamix_recipe, Stores, Backend>(c, backend) {}
};

}  // namespace mango
