#pragma once
// Optimizers that multiply matrices, from a name and options at run time; all others too, for a backend that can.
#include "mango/optim/factory.hpp"
#include "mango/optim/galore.hpp"
#include "mango/optim/vlorp.hpp"

namespace mango::inline MANGO_ABI {

/// Everything make_optimizer() knows besides optimizer_kinds(), given a backend that multiplies: mango::eigen.
inline std::span<const optimizer_kind> projected_kinds() {
  static constexpr optimizer_kind kinds[] = {
      {"galore", "Adam in the subspace of most of the gradient (Zhao et al. 2024); stores m,v"},
      {"vlorp", "Adam of slices of the gradient on a few random vectors (Yang et al. 2025); stores m,v"},
      {"projfactor", "the same with v by rows and columns of the full space (Yang et al. 2025); stores m"},
  };
  return kinds;
}
/// The stores that these have by name; others are a type.
inline std::span<const std::string_view> projected_store_names() {
  static constexpr std::string_view names[] = {"fp32", "bf16", "dynamic8", "nf4"};
  return names;
}

/// f(line) for every one of them with every store, as make_optimizer() reads them: "galore", "galore:stores=dynamic8".
template <class F> void each_projected_optimizer(F&& f) {
  for (const auto& kind : projected_kinds())
    for (const auto& store : projected_store_names())
      f(std::string_view(store == kind.store ? text(kind.name) : concat({kind.name, ":stores=", store})));
}

/// f(name, field&) for all that a subspace can be told.
template <class F> void each_field(subspace_options& o, F&& f) {
  f("rank", o.rank);
  f("refresh_every", o.refresh_every);
  f("scale", o.scale);
  f("side", o.side);
  f("transport", o.transport);
  f("basis", o.basis);
  f("staggered", o.staggered);
}
template <class F> void each_field(galore_config& c, F&& f) {
  f("learning_rate", c.learning_rate);
  each_field(c.subspace, f);
  f("b1", c.b1);
  f("b2", c.b2);
  f("eps", c.eps);
  f("weight_decay", c.weight_decay);
  f("convention", c.convention);
  f("max_norm", c.max_norm);
}

template <class F> void each_field(granular_options& o, F&& f) {
  f("granularity", o.granularity);
  f("rank", o.rank);
  f("budget", o.budget);
  f("resample_every", o.resample_every);
  f("scale", o.scale);
}
template <class F> void each_field(vlorp_config& c, F&& f) {
  f("learning_rate", c.learning_rate);
  each_field(c.subspace, f);
  f("b1", c.b1);
  f("b2", c.b2);
  f("eps", c.eps);
  f("weight_decay", c.weight_decay);
  f("max_norm", c.max_norm);
}
template <class F> void each_field(projfactor_config& c, F&& f) {
  f("learning_rate", c.learning_rate);
  each_field(static_cast<granular_options&>(c.subspace), f);
  f("b1", c.b1);
  f("b2", c.subspace.b2);
  f("eps", c.subspace.eps);
  f("weight_decay", c.weight_decay);
  f("max_norm", c.max_norm);
}

namespace detail {
template <template <class, class> class Product, int Slots, class Backend>
optimizer_model* make_projected(const split_settings& s, const Backend& backend) {
  const auto in = [&]<class S>() -> optimizer_model* {
    if constexpr (Slots == 1) return make_model<Product<stores<S>, Backend>>(s.span(), backend);
    else return make_model<Product<stores<S, S>, Backend>>(s.span(), backend);
  };
  if (s.stores == "fp32") return in.template operator()<fp32>();
  if (s.stores == "bf16") return in.template operator()<bf16>();
  if (s.stores == "dynamic8") return in.template operator()<dynamic8<>>();
  if (s.stores == "nf4") return in.template operator()<nf4<>>();
  refuse_value("stores", s.stores,
               "fp32, bf16, dynamic8 or nf4 in a subspace; others are a type, mango::galore<mango::stores<...>>");
}
}  // namespace detail

/// As make_optimizer() for any backend, and optimizers of projected_kinds() besides. The others run on the host that
/// the backend is.
template <projecting_backend Backend>
any_optimizer make_optimizer(std::string_view name, std::span<const setting> settings, const Backend& backend) {
  for (const auto& kind : projected_kinds()) {
    if (name != kind.name) continue;
    const detail::split_settings split(settings, kind.store);
    if (name == "galore") return any_optimizer(detail::make_projected<galore, 2>(split, backend));
    if (name == "vlorp") return any_optimizer(detail::make_projected<vlorp, 2>(split, backend));
    if (name == "projfactor") return any_optimizer(detail::make_projected<projfactor, 1>(split, backend));
  }
  return make_optimizer(name, settings, static_cast<const host&>(backend));
}

}  // namespace mango
