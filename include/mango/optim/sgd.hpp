#pragma once
// Stochastic gradient descent, plain or with momentum.
#include "mango/optim/named_optimizer.hpp"
#include "mango/rule/global_norm.hpp"
#include "mango/rule/momentum.hpp"
#include "mango/rule/weight_decay.hpp"

namespace mango::inline MANGO_ABI {

/// Hyperparameters of SGD. Defaults are those of torch.optim.SGD, whose decay is coupled.
struct sgd_config {
  schedule learning_rate = 1e-3;  ///< a constant, or warmup_cosine, polynomial_decay, step_decay
  double momentum = 0;            ///< [0, 1); above 0 it needs a store: sgd<stores<fp32>>
  double dampening = 0;           ///< [0, 1], from the second step on
  bool nesterov = false;
  double weight_decay = 0;
  bool decoupled = false;  ///< decay multiplies weights by 1 - lr weight_decay instead of joining the gradient
  double max_norm = 0;     ///< clips all gradients together to this L2 norm; 0: no clipping
  optimizer_options options = {};
};

/// clip_by_global_norm, add_decayed_weights, [scale_by_momentum,] decoupled_step. Raises errc::config when momentum has
/// no store, or nesterov and dampening no momentum.
template <int Slots> auto sgd_rules(const sgd_config& c = {}) {
  const double coupled = c.decoupled ? 0 : c.weight_decay, decoupled = c.decoupled ? c.weight_decay : 0;
  if (c.momentum == 0 && (c.nesterov || c.dampening != 0))
    raise(errc::config, {"nesterov and dampening mean nothing without momentum"},
          c.nesterov ? "nesterov" : "dampening");
  const auto before = chain(clip_by_global_norm{c.max_norm}, add_decayed_weights{coupled});
  const decoupled_step step{c.learning_rate, decoupled};
  if constexpr (Slots > 0) {
    return chain(before, scale_by_momentum{c.momentum, c.dampening, c.nesterov}, step);
  } else {
    if (c.momentum != 0)
      raise(errc::config, {"momentum needs a store: write mango::sgd<mango::stores<mango::fp32>>"}, "momentum");
    return chain(before, step);
  }
}

namespace detail {
template <int Slots> struct sgd_recipe {
  using config = sgd_config;
  static constexpr std::string_view kind = "sgd";
  static auto rules(const sgd_config& c) { return sgd_rules<Slots>(c); }
};
}  // namespace detail

/// SGD.  g <- g + wd p;  m <- mu m + (1-tau) g;  p <- p - lr (nesterov ? g + mu m : m), or p - lr g without momentum.
/// Robbins & Monro 1951; Polyak 1964; Sutskever et al. 2013. State: none (`sgd<>`), or m (`sgd<stores<fp32>>`).
template <class Stores = stores<>, elementwise_backend Backend = host>
class sgd : public named_optimizer<detail::sgd_recipe<Stores::count>, Stores, Backend> {
 public:
  explicit sgd(const sgd_config& c = {}, const Backend& backend = {})
      : named_optimizer<detail::sgd_recipe<Stores::count>, Stores, Backend>(c, backend) {}
};

}  // namespace mango
