#pragma once
// SMMF: Adam's two moments, factored, in 0.13 bytes per parameter.
#include "mango/optim/named_optimizer.hpp"
#include "mango/rule/global_norm.hpp"
#include "mango/rule/smmf.hpp"
#include "mango/rule/weight_decay.hpp"
#include "mango/store/factored.hpp"

namespace mango::inline MANGO_ABI {

/// Hyperparameters of SMMF. Defaults are those of the paper's own code.
struct smmf_config {
  schedule learning_rate = 1e-3;  ///< a constant, or warmup_cosine, polynomial_decay, step_decay
  double beta = 0.9;              ///< [0, 1): of the first step; 0 needs no store: smmf<stores<factored<>>>
  double eps = 1e-8;              ///< [1e-30, 1]
  double weight_decay = 0;        ///< decoupled: each step multiplies weights by 1 - lr weight_decay
  double decay_rate = -0.5;       ///< [-1, 0]: v averages with 1 - t^decay_rate; -0.8 is advised for transformers
  double growth_rate = 0.999;     ///< [0, 1]: m averages with beta growth_rate^(t-1)
  double max_norm = 0;            ///< clips all gradients together to this L2 norm; 0: no clipping
  optimizer_options options = {};
};

/// clip_by_global_norm, scale_by_smmf or (with one slot) scale_by_smmf_rms, decoupled_step. Raises errc::config when
/// beta is above 0 and there is no store for a first moment.
template <int Slots = 2> auto smmf_rules(const smmf_config& c = {}) {
  static_assert(Slots == 1 || Slots == 2, "mango: smmf keeps m and v in two stores, or v alone in one");
  const clip_by_global_norm clip{c.max_norm};
  const decoupled_step step{c.learning_rate, c.weight_decay};
  if constexpr (Slots == 2) {
    return chain(clip, scale_by_smmf{c.beta, c.eps, c.decay_rate, c.growth_rate}, step);
  } else {
    if (c.beta != 0)
      raise(errc::config,
            {"one store holds v alone, without momentum: write beta = 0, or give m a store too: "
             "mango::smmf<mango::stores<mango::factored<>, mango::factored<>>>"},
            "beta");
    return chain(clip, scale_by_smmf_rms{c.eps, c.decay_rate}, step);
  }
}

namespace detail {
template <int Slots> struct smmf_recipe {
  using config = smmf_config;
  static constexpr std::string_view kind = "smmf";
  static auto rules(const smmf_config& c) { return smmf_rules<Slots>(c); }
};
}  // namespace detail

/// SMMF.  m <- b1_t m + (1-b1_t) g;  v <- b2_t v + (1-b2_t) g^2;  p <- (1 - lr wd) p - lr m / (sqrt(v) + eps), with
/// b1_t = beta growth_rate^(t-1), b2_t = 1 - t^decay_rate. Park & Lee 2025, Algorithm 1, arXiv:2412.08894.
/// State: m and v, factored with a sign bit per number of m; 0.13 bytes per parameter, 60 times less than fp32. With
/// beta = 0, `smmf<stores<factored<>>>` keeps v alone, in 0.004.
/// Differs: the published code keeps a byte per sign; an entry whose gradient is always zero drifts there and stays
/// here (zeros::lazy); its weight_decay_mode = "adam" has no effect on factored tensors, ours is decoupled: "adamw".
template <class Stores = stores<factored<>, factored<>>, elementwise_backend Backend = host>
class smmf : public named_optimizer<detail::smmf_recipe<Stores::count>, Stores, Backend> {
 public:
  explicit smmf(const smmf_config& c = {}, const Backend& backend = {})
      : named_optimizer<detail::smmf_recipe<Stores::count>, Stores, Backend>(c, backend) {}
};

}  // namespace mango
