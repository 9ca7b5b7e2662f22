#pragma once
// GaLore: Adam in the subspace where most of a gradient is.
#include "mango/backend/eigen_decompositions.hpp"
#include "mango/optim/named_optimizer.hpp"
#include "mango/optim/projected.hpp"
#include "mango/rule/adam.hpp"
#include "mango/rule/global_norm.hpp"
#include "mango/rule/weight_decay.hpp"

namespace mango::inline MANGO_ABI {

/// Hyperparameters of GaLore. Those of the subspace are described at subspace_options; the others are AdamW's.
struct galore_config {
  schedule learning_rate = 1e-2;  ///< a constant, or warmup_cosine, polynomial_decay, step_decay
  subspace_options subspace = {};
  double b1 = 0.9;          ///< [0, 1)
  double b2 = 0.999;        ///< [0, 1)
  double eps = 1e-8;        ///< [1e-30, 1]
  double weight_decay = 0;  ///< decoupled, and not scaled: each step multiplies weights by 1 - lr weight_decay
  adam_convention convention = adam_convention::torch;
  double max_norm = 0;  ///< clips all gradients together to this L2 norm; 0: no clipping
  optimizer_options options = {};
};

namespace detail {
struct galore_recipe {
  using config = galore_config;
  static constexpr std::string_view kind = "galore";
  static auto rules(const galore_config& c) {
    return project(
        c.subspace, chain(scale_by_adam{c.b1, c.b2, c.eps, c.convention}),
        chain(decoupled_step{c.learning_rate, c.weight_decay,
                             c.convention == adam_convention::hf ? decay_order::after : decay_order::before}),
        chain(clip_by_global_norm{c.max_norm}));
  }
};
}  // namespace detail

/// GaLore.  R <- P^T G;  m <- b1 m + (1-b1) R;  v <- b2 v + (1-b2) R^2;  W <- (1 - lr wd) W - lr scale P m^ / (sqrt(v^)
/// + eps), P an orthonormal basis (m x r) of most of G, or the same from the right. Zhao et al. 2024, Algorithm 2,
/// arXiv:2403.03507. Of a matrix m x n, m <= n, it keeps 2 r n numbers in the stores and 4 m r bytes of basis. A tensor
/// of one dimension, and one that this would not make smaller, is AdamW's: projected() says which.
/// Differs: the basis follows by block power steps from the last one, at about the price of a step, instead of an SVD
/// from nothing; moments move along with it (moment_transport::rotate), and in bf16 are never rounded to nearest; eps
/// and decay are AdamW's (convention = hf is the published code's); tensors take turns with refreshes; a gradient that
/// is 0 changes no basis.
template <class Stores = stores<fp32, fp32>, projecting_backend Backend = eigen>
class galore : public named_optimizer<detail::galore_recipe, Stores, Backend> {
 public:
  explicit galore(const galore_config& c = {}, const Backend& backend = {})
      : named_optimizer<detail::galore_recipe, Stores, Backend>(c, backend) {}
};

}  // namespace mango
