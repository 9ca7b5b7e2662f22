#pragma once
// An optimizer from a name and options at run time: for programs and configuration files.
#include "mango/optim/fields.hpp"
#include "mango/optim/named_store.hpp"
#include "mango/optim/setting.hpp"

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
      {"lion", "sign of momentum with decoupled weight decay (Chen et al. 2023); stores m"},
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

// what any_optimizer holds
struct optimizer_model {
  virtual ~optimizer_model() = default;
  virtual std::string_view name() const = 0;
  virtual const tensor_registry& registry() const = 0;
  virtual std::size_t group(const tensor_filter& filter, std::span<const setting> changes) = 0;
  virtual std::size_t state_bytes(const tensor_spec& spec) const = 0;
  virtual workspace_need workspace(const tensor_spec& spec) const = 0;
  virtual tensor_id add(std::string_view name, const tensor_spec&, std::span<float> p, std::span<const float> g) = 0;
  virtual tensor_id add(std::string_view name, const tensor_spec&, std::span<bfloat16> p, std::span<const bfloat16> g,
                        std::span<float> master) = 0;
  virtual void bind(tensor_id id, std::span<float> p, std::span<const float> g) = 0;
  virtual void bind(tensor_id id, std::span<bfloat16> p, std::span<const bfloat16> g, std::span<float> master) = 0;
  virtual step_report step(const step_args& args) = 0;
  virtual text describe() const = 0;
  virtual text hyperparameters() const = 0;
};

template <class Config> void apply_settings(Config& c, std::span<const setting> settings, bool with_options) {
  for (const auto& s : settings) {
    bool known = false;
    text names;
    const auto visit = [&](std::string_view name, auto& field) {
      names += concat({names.empty() ? "" : ", ", name});
      if (name != s.name) return;
      read(s.name, s.value, field);
      known = true;
    };
    each_field(c, visit);
    if (with_options) each_field(c.options, visit);
    if (!known) raise(errc::unknown_name, {"no option is called ", quoted(s.name), "; there are ", names}, s.name);
  }
}

// what a tensor that is not registered yet will need
template <class Chain, class Stores, class Backend>
workspace_need workspace_for(const optimizer<Chain, Stores, Backend>& of, const tensor_spec& spec) {
  return workspace_of(chunk_count(spec.shape.elements()),
                      kernels<Chain, Stores>::layout(spec, of.options(), of.rules()));
}

template <class Optimizer, class Backend> class named_model : public optimizer_model {
 public:
  using config = typename Optimizer::config;
  named_model(const config& c, const Backend& backend) : config_(c), optimizer_(c, backend) {}
  std::string_view name() const override { return Optimizer::kind(); }
  const tensor_registry& registry() const override { return optimizer_; }
  std::size_t group(const tensor_filter& filter, std::span<const setting> changes) override {
    config changed = config_;
    apply_settings(changed, changes, false);
    return optimizer_.group(filter, changed);
  }
  std::size_t state_bytes(const tensor_spec& spec) const override {
    return Optimizer::state_bytes(spec, optimizer_.options(), optimizer_.rules());
  }
  workspace_need workspace(const tensor_spec& spec) const override { return workspace_for(optimizer_, spec); }
  tensor_id add(std::string_view tensor, const tensor_spec& spec, std::span<float> p,
                std::span<const float> g) override {
    return optimizer_.add(tensor, spec, p, g);
  }
  tensor_id add(std::string_view tensor, const tensor_spec& spec, std::span<bfloat16> p, std::span<const bfloat16> g,
                std::span<float> master) override {
    return optimizer_.add(tensor, spec, p, g, master);
  }
  void bind(tensor_id id, std::span<float> p, std::span<const float> g) override { optimizer_.bind(id, p, g); }
  void bind(tensor_id id, std::span<bfloat16> p, std::span<const bfloat16> g, std::span<float> master) override {
    optimizer_.bind(id, p, g, master);
  }
  step_report step(const step_args& args) override { return optimizer_.step(args); }
  text describe() const override { return optimizer_.describe(); }
  text hyperparameters() const override { return optimizer_.hyperparameters(); }

 private:
  config config_;
  Optimizer optimizer_;
};

}  // namespace detail

/// An optimizer whose kind was chosen at run time, over bound views of float or bfloat16: over float16, which would
/// double what a program compiles, name the type. Movable, not copyable. Everything it raises is what the optimizer of
/// that kind raises.
class any_optimizer {
 public:
  /// Takes over what make_optimizer() made.
  explicit any_optimizer(detail::optimizer_model* model) : model_(model) {}
  any_optimizer(any_optimizer&& other) noexcept : model_(std::exchange(other.model_, nullptr)) {}
  any_optimizer& operator=(any_optimizer&& other) noexcept {
    std::swap(model_, other.model_);
    return *this;
  }
  ~any_optimizer() { delete model_; }

  /// The name it was made by.
  std::string_view name() const { return model_->name(); }
  /// Tensors added from now on that match take the optimizer's settings with these changes.
  std::size_t group(const tensor_filter& filter, std::initializer_list<setting> changes) {
    return group(filter, std::span(changes.begin(), changes.size()));
  }
  std::size_t group(const tensor_filter& filter, std::span<const setting> changes) {
    return model_->group(filter, changes);
  }
  /// Registers a tensor with views of its parameter and gradient; nothing is registered when they are refused.
  tensor_id add(std::string_view name, const tensor_spec& spec, std::span<float> p, std::span<const float> g) {
    return model_->add(name, spec, p, g);
  }
  tensor_id add(std::string_view name, const tensor_spec& spec, std::span<bfloat16> p, std::span<const bfloat16> g,
                std::span<float> master = {}) {
    return model_->add(name, spec, p, g, master);
  }
  /// Views that have moved.
  void bind(tensor_id id, std::span<float> p, std::span<const float> g) { model_->bind(id, p, g); }
  void bind(tensor_id id, std::span<bfloat16> p, std::span<const bfloat16> g, std::span<float> master = {}) {
    model_->bind(id, p, g, master);
  }
  step_report step(const step_args& args = {}) { return model_->step(args); }
  /// Exact bytes of state: of all tensors, or of one that is not registered yet.
  std::size_t state_bytes() const { return tensors().state_bytes(); }
  std::size_t state_bytes(const tensor_spec& spec) const { return model_->state_bytes(spec); }
  /// The same of scratch that is neither state nor saved; for tensors that are not registered yet, what to add up.
  std::size_t workspace_bytes() const { return tensors().workspace_bytes(); }
  workspace_need workspace(const tensor_spec& spec) const { return model_->workspace(spec); }
  /// Names, shapes, state and counters.
  const tensor_registry& tensors() const { return model_->registry(); }
  text describe() const { return model_->describe(); }
  text hyperparameters() const { return model_->hyperparameters(); }

 private:
  detail::optimizer_model* model_;
};

namespace detail {

// the settings without "stores", which chooses a type
struct split_settings {
  list<setting> rest;
  std::string_view stores;
  split_settings(std::span<const setting> all, std::string_view store) : stores(store) {
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
template <template <class, class> class Product, int Slots, class Backend>
optimizer_model* make_with_stores(const split_settings& s, const Backend& backend) {
  return with_store(s.stores, [&]<class Store>() -> optimizer_model* {
    if constexpr (Slots == 1) return make_model<Product<stores<Store>, Backend>>(s.span(), backend);
    else return make_model<Product<stores<Store, Store>, Backend>>(s.span(), backend);
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
/// for a name or option that does not exist (listing those that do), errc::config for a value out of range.
template <elementwise_backend Backend = host>
any_optimizer make_optimizer(std::string_view name, std::span<const setting> settings, const Backend& backend = {}) {
  for (const auto& kind : optimizer_kinds()) {
    if (name != kind.name) continue;
    const detail::split_settings split(settings, kind.store);
    if (name == "adamw") return any_optimizer(detail::make_with_stores<adamw, 2>(split, backend));
    if (name == "adam") return any_optimizer(detail::make_with_stores<adam, 2>(split, backend));
    if (name == "lion") return any_optimizer(detail::make_with_stores<lion, 1>(split, backend));
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
