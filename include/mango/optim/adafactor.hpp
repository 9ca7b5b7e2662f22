#pragma once
// Adafactor: steps relative to the weights' size, from a second moment kept as rows and columns.
#include "mango/optim/named_optimizer.hpp"
#include "mango/rule/adafactor.hpp"
#include "mango/rule/clip.hpp"
#include "mango/rule/global_norm.hpp"
#include "mango/rule/momentum.hpp"
#include "mango/rule/parameter_scale.hpp"
#include "mango/rule/weight_decay.hpp"
#include "mango/store/factored.hpp"

namespace mango::inline MANGO_ABI {

/// Hyperparameters of Adafactor. Defaults are the paper's.
struct adafactor_config {
  schedule learning_rate = inverse_sqrt{1e-2};  ///< relative step: min(1e-2, 1 / sqrt(t)); or any rate, relative or not
  double b1 = 0;                                ///< [0, 1): above 0 it needs a second store
  double decay_rate = -0.8;                     ///< [-1, 0]: v averages with 1 - t^decay_rate
  double eps = 1e-30;                           ///< [0, 1]: added to g^2
  double clip_rms = 1;                          ///< largest root mean square of an update; 0: no clipping
  bool parameter_scale = true;                  ///< multiplies steps by the root mean square of the weights ...
  double floor = 1e-3;                          ///< ... or by this, if it is more
  double weight_decay = 0;                      ///< decoupled: each step multiplies weights by 1 - lr weight_decay
  double max_norm = 0;                          ///< clips all gradients together to this L2 norm; 0: no clipping
  optimizer_options options = {};
};

/// clip_by_global_norm, scale_by_adafactor, clip_by_rms, scale_by_parameter_rms, [average_updates,] decoupled_step.
/// Raises errc::config when b1 is above 0 and there is no store for a first moment.
template <int Slots = 1> auto adafactor_rules(const adafactor_config& c = {}) {
  static_assert(Slots == 1 || Slots == 2, "mango: adafactor keeps v in one store, or v and m in two");
  const auto direction = chain(clip_by_global_norm{c.max_norm}, scale_by_adafactor{c.eps, c.decay_rate},
                               clip_by_rms{c.clip_rms}, scale_by_parameter_rms{c.floor, c.parameter_scale});
  const decoupled_step step{c.learning_rate, c.weight_decay};
  if constexpr (Slots == 2) {
    return chain(direction, average_updates{c.b1}, step);
  } else {
    if (c.b1 != 0)
      raise(errc::config,
            {"one store holds v alone, without momentum: write b1 = 0, or give m a store after v's: "
             "mango::adafactor<mango::stores<mango::factored_axes, mango::fp32>>"},
            "b1");
    return chain(direction, step);
  }
}

namespace detail {
template <int Slots> struct adafactor_recipe {
  using config = adafactor_config;
  static constexpr std::string_view kind = "adafactor";
  static auto rules(const adafactor_config& c) { return adafactor_rules<Slots>(c); }
};
}  // namespace detail

/// Adafactor.  v <- b2_t v + (1-b2_t)(g^2 + eps), kept as R C' / sum R by its row and column sums R and C;
/// u = g / sqrt(v);  u <- u / max(1, RMS(u) / clip_rms);  u <- max(floor, RMS(p)) u;  [m <- b1 m + (1-b1) u;  u <- m;]
/// p <- (1 - lr wd) p - lr u, with b2_t = 1 - t^decay_rate and lr = min(1e-2, 1 / sqrt(t)).
/// Shazeer & Stern 2018, Algorithms 4 to 6, arXiv:1804.04235. State: v, 4 (rows + columns) bytes per matrix, 4 per
/// number of a vector; with b1, m in a store of its own after v's. A step reads g three times (four with the check for
/// non-finite numbers), since RMS(u) is known only when v is, and v only when all of g is.
/// Differs: of a matrix v is the published one. A tensor of more axes is cut once between two of them, where rows +
/// columns are fewest, instead of in every matrix of its last two axes: a convolution's kernel takes 4 (outputs + the
/// rest) bytes, not about as much as in fp32. A given learning_rate is used as it is: torch.optim.Adafactor's
/// min(lr, 1 / sqrt(t)) is inverse_sqrt{lr}, and decay there is by lr alone. The authors' code averages lr u, ours u,
/// and the rate comes after: the same while it is constant. In Hugging Face's code decay is by lr max(floor, RMS(p)).
template <class Stores = stores<factored_axes>, elementwise_backend Backend = host>
class adafactor : public named_optimizer<detail::adafactor_recipe<Stores::count>, Stores, Backend> {
 public:
  explicit adafactor(const adafactor_config& c = {}, const Backend& backend = {})
      : named_optimizer<detail::adafactor_recipe<Stores::count>, Stores, Backend>(c, backend) {}
};

}  // namespace mango
