#pragma once
// Schedule-free AdamW: no decay of the rate, and no number of steps to know before.
#include "mango/optim/named_optimizer.hpp"
#include "mango/rule/global_norm.hpp"
#include "mango/rule/momentum.hpp"
#include "mango/rule/schedule_free.hpp"
#include "mango/rule/second_moment.hpp"

namespace mango::inline MANGO_ABI {

/// Hyperparameters of schedule-free AdamW. Defaults are those of the authors' code.
struct schedule_free_config {
  schedule learning_rate = 2.5e-3;  ///< constant, or warming up and then constant
  double b1 = 0.9;                  ///< (0, 1): how much of the average is in the weights that are trained
  double b2 = 0.999;                ///< [0, 1)
  double eps = 1e-8;                ///< [1e-30, 1]
  double weight_decay = 0;          ///< of the weights that are trained, inside the step
  double r = 0;                     ///< later steps weigh t^r in the average
  double power = 2;                 ///< ... and with this power of the largest rate so far
  double max_norm = 0;              ///< clips all gradients together to this L2 norm; 0: no clipping
  optimizer_options options = {};
};

namespace detail {
struct schedule_free_recipe {
  using config = schedule_free_config;
  static constexpr std::string_view kind = "schedule_free";
  static auto rules(const schedule_free_config& c) {
    return chain(clip_by_global_norm{c.max_norm}, no_momentum{}, scale_by_second_moment{c.b2, c.eps, 0},
                 schedule_free_step{c.learning_rate, c.b1, c.weight_decay, c.r, c.power});
  }
};
}  // namespace detail

/// Schedule-free AdamW.  v <- b2 v + (1-b2) g^2;  d = g / (sqrt(v / bc2) + eps) + wd p;  z <- z - lr d;
/// x <- (1-c) x + c z;  p = (1-b1) z + b1 x. Defazio et al. 2024, Algorithm 1, arXiv:2405.15682. State: v, z and two
/// doubles per tensor; x follows from p and z. z is a set of weights: keep it in fp32 or bf16, whatever v is kept in.
/// The weights to evaluate and to ship are x: evaluation_weights().
template <class Stores = stores<fp32, fp32>, elementwise_backend Backend = host>
class schedule_free : public named_optimizer<detail::schedule_free_recipe, Stores, Backend> {
  using base = named_optimizer<detail::schedule_free_recipe, Stores, Backend>;

 public:
  explicit schedule_free(const schedule_free_config& c = {}, const Backend& backend = {}) : base(c, backend) {}

  /// Writes x of one tensor, whose trained weights are p, to `out`. Raises errc::type unless z is kept in fp32, and
  /// what spans are checked for.
  void evaluation_weights(tensor_id id, std::span<const float> p, std::span<float> out) const {
    const auto& t = this->record(id);
    mango::detail::check_span(t.name, mango::detail::extent_of("parameter", p), t.elements());
    mango::detail::check_span(t.name, mango::detail::extent_of("weights", out), t.elements());
    const double b1 = rule_of<schedule_free_step>(this->rules(t.group)).b1;
    const auto parts = this->state(id);
    for (const auto& part : parts) {
      if (std::string_view(part.slot) != "z") continue;
      if (part.type != dtype::f32 || part.bytes.size() != p.size_bytes())
        mango::detail::refuse(errc::type, t.name, "slot {word} is kept in {other}, so the average would be rounded", 4,
                              size_of(part.type), "z", part.store);
      const auto* z = reinterpret_cast<const float*>(part.bytes.data());
      for (std::size_t i = 0; i < p.size(); ++i) out[i] = schedule_free_weight(p[i], z[i], b1);
    }
  }
};

}  // namespace mango
