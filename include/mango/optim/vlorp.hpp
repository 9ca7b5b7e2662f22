#pragma once
// VLoRP: moments of slices of a gradient on a few random vectors, which nobody keeps.
#include "mango/backend/eigen_decompositions.hpp"
#include "mango/optim/named_optimizer.hpp"
#include "mango/optim/projected.hpp"
#include "mango/rule/adam.hpp"
#include "mango/rule/global_norm.hpp"
#include "mango/rule/momentum.hpp"
#include "mango/rule/weight_decay.hpp"

namespace mango::inline MANGO_ABI {

/// Hyperparameters of VLoRP with Adam in the subspace. Those of the space are described at granular_options.
struct vlorp_config {
  schedule learning_rate = 1e-3;  ///< a constant, or warmup_cosine, polynomial_decay, step_decay
  granular_options subspace = {};
  double b1 = 0.9;          ///< [0, 1)
  double b2 = 0.999;        ///< [0, 1)
  double eps = 1e-8;        ///< [1e-30, 1]
  double weight_decay = 0;  ///< decoupled: each step multiplies weights by 1 - lr weight_decay
  double max_norm = 0;      ///< clips all gradients together to this L2 norm; 0: no clipping
  optimizer_options options = {};
};
/// Hyperparameters of ProjFactor; b2 and eps are those of its space.
struct projfactor_config {
  schedule learning_rate = 1e-3;
  projfactor_options subspace = {};
  double b1 = 0.9;
  double weight_decay = 0;
  double max_norm = 0;
  optimizer_options options = {};
};

namespace detail {
struct vlorp_recipe {
  using config = vlorp_config;
  static constexpr std::string_view kind = "vlorp";
  static auto rules(const vlorp_config& c) {
    return project(c.subspace, chain(scale_by_adam{.b1 = c.b1, .b2 = c.b2, .eps = c.eps}),
                   chain(decoupled_step{c.learning_rate, c.weight_decay}), chain(clip_by_global_norm{c.max_norm}));
  }
};
struct projfactor_recipe {
  using config = projfactor_config;
  static constexpr std::string_view kind = "projfactor";
  static auto rules(const projfactor_config& c) {
    return project(c.subspace, chain(average_updates{c.b1, true}),
                   chain(decoupled_step{c.learning_rate, c.weight_decay}), chain(clip_by_global_norm{c.max_norm}));
  }
};
}  // namespace detail

/// VLoRP with Adam in the subspace (scheme "ss").  R <- G P by slices;  m <- b1 m + (1-b1) R;  v <- b2 v + (1-b2) R^2;
/// W <- (1 - lr wd) W - lr scale (m^ / (sqrt(v^) + eps)) P^T / r. Yang et al. 2025, arXiv:2505.01744. State: m and v of
/// granularity rank max(m, n) numbers each, in the stores, and nothing else. Every `resample_every` updates P is drawn
/// anew, and moments begin at 0. Tensors that this would not make smaller are AdamW's.
template <class Stores = stores<fp32, fp32>, projecting_backend Backend = eigen>
class vlorp : public named_optimizer<detail::vlorp_recipe, Stores, Backend> {
 public:
  explicit vlorp(const vlorp_config& c = {}, const Backend& backend = {})
      : named_optimizer<detail::vlorp_recipe, Stores, Backend>(c, backend) {}
};

/// ProjFactor: VLoRP in the original space (scheme "os"), its second moment by rows and columns.  R <- G P by slices;
/// m <- b1 m + (1-b1) R;  v of G' = R P^T / r as projfactor_options says;  W <- (1 - lr wd) W - lr scale (m^ P^T / r) /
/// (sqrt(v^) + eps). Yang et al. 2025, arXiv:2505.01744. State: m, granularity rank max(m, n) numbers in the store, and
/// 4 (m + n) bytes. A new P lets m begin at 0; v stays, since it lives in the original space.
template <class Stores = stores<fp32>, projecting_backend Backend = eigen>
class projfactor : public named_optimizer<detail::projfactor_recipe, Stores, Backend> {
 public:
  explicit projfactor(const projfactor_config& c = {}, const Backend& backend = {})
      : named_optimizer<detail::projfactor_recipe, Stores, Backend>(c, backend) {}
};

}  // namespace mango
