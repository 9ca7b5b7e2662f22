#pragma once
// An optimizer from a name and options at run time: for programs and configuration files.
#include <memory>
#include <vector>

#include "mango/optim/fields.hpp"
#include "mango/optim/setting.hpp"
#include "mango/store/kahan.hpp"

namespace mango::inline MANGO_ABI {

/// An entry of the registry.
struct optimizer_kind {
  std::string_view name, summary;
};

/// Everything make_optimizer() knows.
inline std::span<const optimizer_kind> optimizer_kinds() {
  static constexpr optimizer_kind kinds[] = {
      {"adamw", "Adam with decoupled weight decay (Loshchilov & Hutter 2019); stores m,v"},
      {"adam", "Adam with coupled weight decay (Kingma & Ba 2015); stores m,v"},
      {"sgd", "stochastic gradient descent; stores m when momentum is above 0, else nothing"},
  };
  return kinds;
}

namespace detail {

// what any_optimizer holds
struct optimizer_model {
  virtual ~optimizer_model() = default;
  virtual const tensor_registry& registry() const = 0;
  virtual std::size_t group(tensor_filter filter, std::span<const setting> changes) = 0;
  virtual std::size_t state_bytes(const tensor_spec& spec) const = 0;
  virtual tensor_id add(std::string_view name, const tensor_spec& spec) = 0;
  virtual void bind(tensor_id id, std::span<float> p, std::span<const float> g) = 0;
  virtual void bind(tensor_id id, std::span<bfloat16> p, std::span<const bfloat16> g, std::span<float> master) = 0;
  virtual void remove_last() = 0;
  virtual step_report step(const step_args& args) = 0;
  virtual std::string describe() const = 0;
};

template <class Config> void apply_settings(Config& c, std::span<const setting> settings, bool with_options) {
  for (const auto& s : settings) {
    bool known = false;
    std::string names;
    const auto visit = [&](std::string_view name, auto& field) {
      names += concat({names.empty() ? "" : ", ", name});
      if (name != s.name) return;
      read(s.name, s.value, field);
      known = true;
    };
    each_field(c, visit);
    if (with_options) each_field(c.options, visit);
    if (!known)
      raise({errc::unknown_name, concat({"no option is called ", quoted(s.name), "; there are ", names}), s.name});
  }
}

template <class Optimizer> class named_model : public optimizer_model {
 public:
  using config = typename Optimizer::config;
  named_model(const config& c, const host& backend) : config_(c), optimizer_(c, backend) {}
  const tensor_registry& registry() const override { return optimizer_; }
  std::size_t group(tensor_filter filter, std::span<const setting> changes) override {
    config changed = config_;
    apply_settings(changed, changes, false);
    return optimizer_.group(std::move(filter), changed);
  }
  std::size_t state_bytes(const tensor_spec& spec) const override {
    return Optimizer::state_bytes(spec, optimizer_.options());
  }
  tensor_id add(std::string_view name, const tensor_spec& spec) override { return optimizer_.add(name, spec); }
  void bind(tensor_id id, std::span<float> p, std::span<const float> g) override { optimizer_.bind(id, p, g); }
  void bind(tensor_id id, std::span<bfloat16> p, std::span<const bfloat16> g, std::span<float> master) override {
    optimizer_.bind(id, p, g, master);
  }
  void remove_last() override { optimizer_.remove_last(); }
  step_report step(const step_args& args) override { return optimizer_.step(args); }
  std::string describe() const override { return optimizer_.describe(); }

 private:
  config config_;
  Optimizer optimizer_;
};

}  // namespace detail

/// An optimizer whose kind was chosen at run time, over bound views. Movable. Everything it raises is what the optimizer
/// of that kind raises.
class any_optimizer {
 public:
  any_optimizer(std::string name, std::unique_ptr<detail::optimizer_model> model)
      : name_(std::move(name)), model_(std::move(model)) {}

  std::string_view name() const { return name_; }
  /// Tensors added from now on that match take the optimizer's settings with these changes.
  std::size_t group(tensor_filter filter, std::span<const setting> changes) {
    return model_->group(std::move(filter), changes);
  }
  std::size_t group(tensor_filter filter, std::initializer_list<setting> changes) {
    return group(std::move(filter), std::span(changes.begin(), changes.size()));
  }
  tensor_id add(std::string_view name, const tensor_spec& spec, std::span<float> p, std::span<const float> g) {
    return add_bound(name, spec, [&](tensor_id id) { model_->bind(id, p, g); });
  }
  tensor_id add(std::string_view name, const tensor_spec& spec, std::span<bfloat16> p, std::span<const bfloat16> g,
                std::span<float> master = {}) {
    return add_bound(name, spec, [&](tensor_id id) { model_->bind(id, p, g, master); });
  }
  step_report step(const step_args& args = {}) { return model_->step(args); }
  /// Exact bytes of state: of all tensors, or of one that is not registered yet.
  std::size_t state_bytes() const { return model_->registry().state_bytes(); }
  std::size_t state_bytes(const tensor_spec& spec) const { return model_->state_bytes(spec); }
  const tensor_registry& tensors() const { return model_->registry(); }
  std::string describe() const { return model_->describe(); }

 private:
  template <class F> tensor_id add_bound(std::string_view name, const tensor_spec& spec, F bind) {
    const auto id = model_->add(name, spec);
    struct undo {
      detail::optimizer_model* model;
      ~undo() {
        if (model) model->remove_last();
      }
    } guard{model_.get()};
    bind(id);
    guard.model = nullptr;
    return id;
  }
  std::string name_;
  std::unique_ptr<detail::optimizer_model> model_;
};

namespace detail {

template <template <class, class> class Optimizer, class Stores>
std::unique_ptr<optimizer_model> make_model(std::span<const setting> settings, const host& backend) {
  using product = Optimizer<Stores, host>;
  typename product::config c;
  apply_settings(c, settings, true);
  return std::make_unique<named_model<product>>(c, backend);
}

// takes "stores" out of the settings
inline std::string take_stores(std::vector<setting>& settings) {
  std::string stores = "fp32";
  for (auto s = settings.begin(); s != settings.end();)
    if (s->name == "stores") stores = s->value, s = settings.erase(s);
    else ++s;
  if (stores != "fp32" && stores != "bf16" && stores != "kahan") refuse_value("stores", stores, "fp32, bf16 or kahan");
  return stores;
}

template <template <class, class> class Optimizer>
std::unique_ptr<optimizer_model> make_adam(std::string_view store, std::span<const setting> s, const host& backend) {
  if (store == "bf16") return make_model<Optimizer, stores<bf16, bf16>>(s, backend);
  if (store == "kahan") return make_model<Optimizer, stores<kahan, kahan>>(s, backend);
  return make_model<Optimizer, stores<fp32, fp32>>(s, backend);
}

inline std::unique_ptr<optimizer_model> make_sgd(std::string_view store, std::span<const setting> s, const host& backend) {
  sgd_config c;
  apply_settings(c, s, true);
  if (c.momentum == 0 && store != "fp32")
    raise({errc::config, "sgd without momentum keeps no state, so it has no stores to choose", "stores"});
  if (c.momentum == 0) return make_model<sgd, stores<>>(s, backend);
  if (store == "bf16") return make_model<sgd, stores<bf16>>(s, backend);
  if (store == "kahan") return make_model<sgd, stores<kahan>>(s, backend);
  return make_model<sgd, stores<fp32>>(s, backend);
}

}  // namespace detail

/// The optimizer of this name with these settings, among them stores = fp32 | bf16 | kahan. Raises errc::unknown_name
/// for a name or option that does not exist (listing those that do), errc::config for a value out of range.
inline any_optimizer make_optimizer(std::string_view name, std::vector<setting> settings, const host& backend = {}) {
  const std::string store = detail::take_stores(settings);
  if (name == "adamw") return {"adamw", detail::make_adam<adamw>(store, settings, backend)};
  if (name == "adam") return {"adam", detail::make_adam<adam>(store, settings, backend)};
  if (name == "sgd") return {"sgd", detail::make_sgd(store, settings, backend)};
  std::string names;
  for (const auto& k : optimizer_kinds()) names += concat({names.empty() ? "" : ", ", k.name});
  raise({errc::unknown_name, concat({"no optimizer is called ", quoted(name), "; there are ", names}), std::string(name)});
}

/// The same from one line: "adamw", or "adamw:b2=0.95,stores=bf16".
inline any_optimizer make_optimizer(std::string_view line, const host& backend = {}) {
  const auto colon = line.find(':');
  std::vector<setting> settings;
  for (std::string_view rest = colon == line.npos ? std::string_view{} : line.substr(colon + 1); !rest.empty();) {
    const auto comma = rest.find(',');
    const auto item = rest.substr(0, comma);
    const auto equals = item.find('=');
    if (equals == item.npos)
      raise({errc::config, concat({"option ", quoted(item), " has no value: write name=value"}), std::string(item)});
    settings.push_back({std::string(item.substr(0, equals)), std::string(item.substr(equals + 1))});
    rest = comma == rest.npos ? std::string_view{} : rest.substr(comma + 1);
  }
  return make_optimizer(line.substr(0, colon), std::move(settings), backend);
}

}  // namespace mango
