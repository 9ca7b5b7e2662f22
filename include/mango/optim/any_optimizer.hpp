#pragma once
// An optimizer whose kind was chosen at run time.
#include "mango/optim/fields.hpp"
#include "mango/optim/setting.hpp"

namespace mango::inline MANGO_ABI {

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
  virtual void evaluation_weights(tensor_id id, std::span<const float> p, std::span<float> out) const = 0;
  virtual text describe() const = 0;
  virtual text hyperparameters() const = 0;
};

template <class Config> void apply_settings(Config& c, std::span<const setting> settings, bool with_options) {
  require_distinct(settings);
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
  void evaluation_weights(tensor_id id, std::span<const float> p, std::span<float> out) const override {
    if constexpr (requires { optimizer_.evaluation_weights(id, p, out); })
      return optimizer_.evaluation_weights(id, p, out);
    check_span(optimizer_.name(id), extent_of("parameter", p), optimizer_.shape(id).elements());
    check_span(optimizer_.name(id), extent_of("weights", out), optimizer_.shape(id).elements());
    if (!p.empty()) std::memcpy(out.data(), p.data(), p.size_bytes());
  }
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
  /// Writes to `out` the weights to evaluate and to ship, of a tensor whose trained weights are p: these, but for
  /// schedule_free, which trains between two sets of weights.
  void evaluation_weights(tensor_id id, std::span<const float> p, std::span<float> out) const {
    model_->evaluation_weights(id, p, out);
  }
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

}  // namespace mango
