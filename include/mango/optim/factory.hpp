#pragma once
// An optimizer from a name and options at run time: for programs and configuration files.
#include "mango/optim/any_optimizer.hpp"
#include "mango/optim/named_store.hpp"

namespace mango::inline MANGO_ABI {

/// An entry of the registry. `stateful` is a setting without which this kind keeps no state and has no stores to
/// choose; empty: it always keeps state. `store` is taken when none is named.
struct optimizer_kind {
  std::string_view name, summary, stateful = {}, store = "fp32";
};

/// Everything make_optimizer() knows.
inline std::span<const optimizer_kind> optimizer_kinds() {
  static constexpr optimizer_kind kinds[] = {
      {"adamw", "Adam with decoupled weight decay (Loshchilov & Hutter 2019); stores m,v"},
      {"adam", "Adam with coupled weight decay (Kingma & Ba 2015); stores m,v"},
      {"adopt", "Adam whose second moment does not see the gradient it divides (Taniguchi et al. 2024); stores v,m"},
      {"prodigy", "Adam that finds its learning rate (Mishchenko & Defazio 2024); stores m,v"},
      {"ademamix", "Adam with a second, slow momentum (Pagliardini et al. 2024); stores m,m_slow,v"},
      {"simplified_ademamix", "Adam with a decaying sum for momentum (Morwani et al. 2025); stores m,v"},
      {"schedule_free",
       "AdamW that averages its weights instead of decaying its rate (Defazio et al. 2024); stores v (z in fp32)"},
      {"lion", "sign of momentum with decoupled weight decay (Chen et al. 2023); stores m"},
      {"prodigy_lion", "Lion that finds its learning rate; stores m"},
      {"sgd", "stochastic gradient descent; stores m when momentum is above 0, else nothing", "momentum=0.9"},
      {"smmf", "Adam with scheduled averages, factored (Park & Lee 2025); stores m,v, or v when beta is 0", "",
       "factored"},
      {"adafactor",
       "relative steps from row and column sums (Shazeer & Stern 2018); stores v, or v,m when b1 is above 0 (factored: "
       "v "
       "alone, m in fp32)",
       "", "factored"},
  };
  return kinds;
}

/// f(line) for every optimizer with every store, as make_optimizer() reads them: "adamw", "adamw:stores=bf16", "sgd",
/// "sgd:momentum=0.9", "sgd:momentum=0.9,stores=bf16".
template <class F> void each_optimizer(F&& f) {
  for (const auto& kind : optimizer_kinds()) {
    if (!kind.stateful.empty()) f(std::string_view(kind.name));
    for (const auto& store : store_names()) {
      text line = concat({kind.name, kind.stateful.empty() ? "" : ":", kind.stateful});
      if (store != kind.store) line += concat({kind.stateful.empty() ? ":" : ",", "stores=", store});
      f(std::string_view(line));
    }
  }
}

namespace detail {

// the settings without "stores", which chooses a type
struct split_settings {
  list<setting> rest;
  std::string_view stores;
  split_settings(std::span<const setting> all, std::string_view store) : stores(store) {
    require_distinct(all);
    for (const auto& s : all)
      if (s.name == "stores") stores = s.value;
      else rest.push_back(s);
  }
  std::span<const setting> span() const { return {rest.begin(), rest.size()}; }
};

template <class Product, class Backend>
optimizer_model* make_model(std::span<const setting> settings, const Backend& backend) {
  typename Product::config c;
  apply_settings(c, settings, true);
  return new named_model<Product, Backend>(c, backend);
}

// a product with one store for all of its Slots slots
template <template <class, class, class...> class Product, int Slots, class... Features, class Backend>
optimizer_model* make_with_stores(const split_settings& s, const Backend& backend) {
  return with_store(s.stores, [&]<class S>() -> optimizer_model* {
    if constexpr (Slots == 1) return make_model<Product<stores<S>, Backend, Features...>>(s.span(), backend);
    else if constexpr (Slots == 2) return make_model<Product<stores<S, S>, Backend, Features...>>(s.span(), backend);
    else return make_model<Product<stores<S, S, S>, Backend, Features...>>(s.span(), backend);
  });
}
// the same with every feature compiled in, which takes a while: in the stores that most want
template <template <class, class, class...> class Product, int Slots, class Backend>
optimizer_model* make_featured(const split_settings& s, const Backend& backend) {
  const auto in = [&]<class S>() -> optimizer_model* {
    if constexpr (Slots == 1) return make_model<Product<stores<S>, Backend, featured>>(s.span(), backend);
    else if constexpr (Slots == 2) return make_model<Product<stores<S, S>, Backend, featured>>(s.span(), backend);
    else return make_model<Product<stores<S, S, S>, Backend, featured>>(s.span(), backend);
  };
  if (s.stores == "fp32") return in.template operator()<fp32>();
  if (s.stores == "factored") return in.template operator()<factored<>>();
  refuse_value("stores", s.stores,
               "fp32 or factored with features; others are a type, mango::adamw<mango::stores<...>, mango::host, "
               "mango::featured>");
}

// of Adam's kind: a slow average takes a third store, and without momentum one is enough
template <template <class, class, class...> class Product, class Backend>
optimizer_model* make_direction(const split_settings& s, const Backend& backend) {
  typename Product<stores<fp32, fp32>, Backend>::config c;
  apply_settings(c, s.span(), true);
  if (c.features.slow_alpha > 0) return make_featured<Product, 3>(s, backend);
  if (c.b1 == 0)
    return any_feature(c.features) ? make_featured<Product, 1>(s, backend) : make_with_stores<Product, 1>(s, backend);
  return any_feature(c.features) ? make_featured<Product, 2>(s, backend) : make_with_stores<Product, 2>(s, backend);
}
// the others, whose number of stores is always the same
template <template <class, class, class...> class Product, int Slots, class Config, class Backend>
optimizer_model* make_lean(const split_settings& s, const Backend& backend) {
  Config c;
  apply_settings(c, s.span(), true);
  return any_feature(c) ? make_featured<Product, Slots>(s, backend) : make_with_stores<Product, Slots>(s, backend);
}

// v in the store that is named; z is a set of weights
template <class Backend> optimizer_model* make_schedule_free(const split_settings& s, const Backend& backend) {
  return with_store(s.stores, [&]<class S>() -> optimizer_model* {
    return make_model<schedule_free<stores<S, fp32>, Backend>>(s.span(), backend);
  });
}

template <class Backend> optimizer_model* make_sgd(const split_settings& s, const Backend& backend) {
  sgd_config c;
  apply_settings(c, s.span(), true);
  if (c.momentum == 0 && s.stores != "fp32")
    raise(errc::config, {"sgd without momentum keeps no state, so it has no stores to choose"}, "stores");
  if (c.momentum == 0) return make_model<sgd<stores<>, Backend>>(s.span(), backend);
  return make_with_stores<sgd, 1>(s, backend);
}

template <class Backend> optimizer_model* make_smmf(const split_settings& s, const Backend& backend) {
  smmf_config c;
  apply_settings(c, s.span(), true);
  if (c.beta == 0) return make_with_stores<smmf, 1>(s, backend);
  return make_with_stores<smmf, 2>(s, backend);
}

template <class Backend> optimizer_model* make_adafactor(const split_settings& s, const Backend& backend) {
  adafactor_config c;
  apply_settings(c, s.span(), true);
  if (c.b1 == 0 && s.stores != "factored") return make_with_stores<adafactor, 1>(s, backend);
  if (c.b1 == 0) return make_model<adafactor<stores<factored_axes>, Backend>>(s.span(), backend);
  // two stores of one kind would be rarely wanted, and double what a program with this header compiles for Adafactor
  if (s.stores != "factored")
    raise(errc::config,
          {"adafactor with momentum keeps v factored and m in fp32; other stores are a type, "
           "mango::adafactor<mango::stores<...>>, and have no name"},
          "stores");
  return make_model<adafactor<stores<factored_axes, fp32>, Backend>>(s.span(), backend);
}

}  // namespace detail

namespace detail {
// f(setting) for each of "b2=0.95,stores=bf16"
template <class F> void each_setting(std::string_view rest, F f) {
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    const auto item = rest.substr(0, comma);
    const auto equals = item.find('=');
    if (equals == item.npos) raise(errc::config, {"option ", quoted(item), " has no value: write name=value"}, item);
    f(setting{item.substr(0, equals), item.substr(equals + 1)});
    rest = comma == rest.npos ? std::string_view{} : rest.substr(comma + 1);
  }
}
}  // namespace detail

/// The optimizer of this name with these settings, among them stores = one of store_names(). Raises errc::unknown_name
/// for a name or option that does not exist (listing those that do), errc::config for a value out of range or an option
/// that is given twice.
template <elementwise_backend Backend = host>
any_optimizer make_optimizer(std::string_view name, std::span<const setting> settings, const Backend& backend = {}) {
  for (const auto& kind : optimizer_kinds()) {
    if (name != kind.name) continue;
    const detail::split_settings split(settings, kind.store);
    if (name == "adamw") return any_optimizer(detail::make_direction<adamw>(split, backend));
    if (name == "adopt") return any_optimizer(detail::make_direction<adopt>(split, backend));
    if (name == "prodigy") return any_optimizer(detail::make_direction<prodigy>(split, backend));
    if (name == "ademamix") return any_optimizer(detail::make_with_stores<ademamix, 3>(split, backend));
    if (name == "simplified_ademamix")
      return any_optimizer(detail::make_lean<simplified_ademamix, 2, simplified_ademamix_config>(split, backend));
    if (name == "schedule_free") return any_optimizer(detail::make_schedule_free(split, backend));
    if (name == "prodigy_lion")
      return any_optimizer(detail::make_lean<prodigy_lion, 1, prodigy_lion_config>(split, backend));
    if (name == "adam") return any_optimizer(detail::make_with_stores<adam, 2>(split, backend));
    if (name == "lion") return any_optimizer(detail::make_lean<lion, 1, lion_config>(split, backend));
    if (name == "sgd") return any_optimizer(detail::make_sgd(split, backend));
    if (name == "smmf") return any_optimizer(detail::make_smmf(split, backend));
    if (name == "adafactor") return any_optimizer(detail::make_adafactor(split, backend));
  }
  text names;
  for (const auto& k : optimizer_kinds()) names += concat({names.empty() ? "" : ", ", k.name});
  raise(errc::unknown_name, {"no optimizer is called ", quoted(name), "; there are ", names}, name);
}
template <elementwise_backend Backend = host>
any_optimizer make_optimizer(std::string_view name, std::initializer_list<setting> settings,
                             const Backend& backend = {}) {
  return make_optimizer(name, std::span(settings.begin(), settings.size()), backend);
}

/// The same from one line: "adamw", or "adamw:b2=0.95,stores=bf16".
template <elementwise_backend Backend = host>
any_optimizer make_optimizer(std::string_view line, const Backend& backend = {}) {
  const auto colon = line.find(':');
  list<setting> settings;
  detail::each_setting(colon == line.npos ? std::string_view{} : line.substr(colon + 1),
                       [&](const setting& s) { settings.push_back(s); });
  return make_optimizer(line.substr(0, colon), std::span<const setting>(settings.begin(), settings.size()), backend);
}

}  // namespace mango
