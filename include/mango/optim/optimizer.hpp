#pragma once
// The optimizer: rules, stores and a backend, over tensors that stay where the trainer has them.
#include "mango/optim/describe.hpp"
#include "mango/optim/kernels.hpp"
#include "mango/optim/staged.hpp"
#include "mango/optim/step.hpp"
#include "mango/pass/plan.hpp"

namespace mango::inline MANGO_ABI {

/// Runs a chain of rules over registered tensors, each slot in its store, one fused pass per step.
///   Chain    what chain(...) returned
///   Stores   stores<...>, one per slot of the chain
///   Backend  where passes run and state lives: host (default), or any elementwise_backend
/// Named products (mango::adamw, mango::sgd) are this with their rules filled in. Parameters and gradients are anything
/// with data() and size() over float, bfloat16 or float16. Distinct tensors may be updated at the same time under one
/// step; one tensor may not. Nothing is allocated by a step.
template <class Chain, class Stores, elementwise_backend Backend = host> class optimizer : public engine {
  static_assert(Stores::count == slot_count<Chain>,
                "mango: give one store per state slot of the chain: stores<fp32, fp32> for Adam's m and v; "
                "see docs/start.md#stores");
  static_assert(std::is_trivially_copyable_v<Chain>,
                "mango: a rule holds plain numbers; what it computes goes into slots");
  using kernels = detail::kernels<Chain, Stores>;

 public:
  using plan = mango::plan<Chain, Stores>;
  using step_type = step_token<optimizer>;

  /// Raises errc::config when a hyperparameter is out of range.
  explicit optimizer(const Chain& rules, Stores = {}, const Backend& backend = {},
                     const optimizer_options& options = {})
      : engine(options, functions), backend_(backend) {
    append_rules(rules);
  }

  using tensor_registry::group;
  /// Other hyperparameters for tensors added from now on that match `filter`; the last group that matches takes them.
  /// Returns the group's number, from 1.
  std::size_t group(const tensor_filter& filter, const Chain& rules) {
    const detail::alone_at_work now(occupancy_);
    append_rules(rules);
    return append_filter(filter);
  }

  /// Registers a tensor and allocates its state (or binds spec.state), zeroed: the only allocation. Raises
  /// errc::duplicate_name, errc::type, errc::memory, errc::overlap.
  tensor_id add(std::string_view name, const tensor_spec& spec) {
    const detail::alone_at_work now(occupancy_);
    return initialised(insert_new(name, spec));
  }
  template <std::integral Size> tensor_id add(std::string_view name, Size elements) {
    return add(name, tensor_spec{.shape = {static_cast<index_t>(elements)}});
  }
  /// Registers a tensor together with views of its parameter and gradient, for step(). Nothing is registered when the
  /// views are refused.
  template <class P, class G>
  tensor_id add(std::string_view name, const tensor_spec& spec, P&& parameter, G&& gradient,
                std::span<float> master = {}) {
    const detail::alone_at_work now(occupancy_);
    const auto id = insert_new(name, spec);
    insertion guard{this};  // takes it back out when its views are refused
    bind_views(id, parameter, gradient, master);
    guard.self = nullptr;
    return initialised(id);
  }

  /// Tells step() where a tensor's parameter and gradient are, now that they are there or have moved. An empty gradient
  /// means that the tensor has none at present: step() leaves it alone and counts it. Raises what spans are checked
  /// for.
  template <class P, class G> void bind(tensor_id id, P&& parameter, G&& gradient, std::span<float> master = {}) {
    const detail::alone_at_work now(occupancy_);
    bind_views(id, parameter, gradient, master);
  }

  /// One step of every bound tensor: all gradients are checked (and measured, if a rule asks) before the first write.
  /// Raises errc::nonfinite, naming the first tensor and element, with everything as it was.
  step_report step(const step_args& args = {}) {
    const detail::alone_at_work now(occupancy_);
    return batch(clock(args));
  }

  /// A step taken tensor by tensor.
  [[nodiscard]] step_type begin_step(const step_args& args = {}) {
    const detail::alone_at_work now(occupancy_);
    return step_type(*this, clock(args));
  }

  /// Adds a micro-batch's gradient to the tensor's accumulator (options.accumulate); the next update of the tensor adds
  /// what is there. Raises errc::order without an accumulator, errc::nonfinite unless options say otherwise.
  template <class G> void accumulate(tensor_id id, const G& gradient) {
    if constexpr (detail::check_elements<std::span<float>, const G>()) {
      const auto g = detail::view_of(gradient);
      detail::check_span(record(id).name, detail::extent_of("gradient", g), record(id).elements());
      engine::accumulate(id, g.data(), detail::gradient_access<detail::element_of<const G>>::functions);
    }
  }

  using tensor_registry::state_bytes;
  /// Exact bytes of state that a tensor of this spec will take, before anything is allocated.
  static std::size_t state_bytes(const tensor_spec& spec, const optimizer_options& options = {},
                                 const Chain& rules = {}) {
    return kernels::layout(spec, options, rules).bytes;
  }
  /// The rules of a group; 0 is no group.
  const Chain& rules(std::size_t group = 0) const { return rules_[group]; }
  /// What the rules of every group are configured as, one line per group.
  text hyperparameters() const { return describe_groups(rules_); }
  /// What is really used, in words: hyperparameters of every group, and per tensor its shape, parameter and stores.
  text describe(std::string_view title = "optimizer") const {
    text out = describe_totals(title);
    out += describe_groups(rules_);
    return out += describe_tensors();
  }

 private:
  friend step_type;
  friend detail::factored_access;

  __attribute__((noinline)) tensor_id insert_new(std::string_view name, const tensor_spec& spec) {
    auto layout = kernels::layout(spec, options_, rules_[group_of(name, spec)]);
    check_new(name, spec, layout);
    const std::size_t bytes = spec.state.empty() ? layout.bytes : 0;
    buffer owned;
    if constexpr (requires { backend_.allocate(bytes, layout.accumulator); })
      owned = backend_.allocate(bytes, layout.accumulator);
    else owned = backend_.allocate(bytes);
    work_.reserve(tensors_.size() + 1);
    frames_.resize(tensors_.size() + 1);
    if constexpr (kernels::learns) learned_.note(spec.shape, tensors_, rules_.size());
    const auto id = insert(name, spec, std::move(layout), std::move(owned), chunk_count(spec.shape.elements()));
    if constexpr (requires { kernels::projects; }) {
      insertion guard{this};
      kernels::attach(record(id), rules_[record(id).group]);
      guard.self = nullptr;
    }
    return id;
  }

  template <class P, class G> void bind_views(tensor_id id, P& parameter, G& gradient, std::span<float> master) {
    if constexpr (detail::check_elements<P, G>()) {
      const auto p = detail::view_of(parameter);
      const auto g = detail::view_of(gradient);
      bind_erased(id, detail::extent_of("parameter", p), detail::extent_of("gradient", g), master,
                  find_run<detail::element_of<P>, detail::element_of<G>>(record(id)),
                  detail::gradient_access<detail::element_of<G>>::measuring,
                  detail::gradient_access<detail::element_of<P>>::functions);
    }
  }

  void append_rules(const Chain& rules) {
    rules.hyperparameters(check_hyperparameter{});
    rules_.push_back(rules);
  }

  // what step_token forwards to
  template <class P, class G>
  bool update_views(const detail::step_clock& clock, tensor_id id, P& parameter, G& gradient, std::span<float> master) {
    if constexpr (detail::check_elements<P, G>()) {
      const auto p = detail::view_of(parameter);
      const auto g = detail::view_of(gradient);
      const detail::operands o = detail::check_operands(record(id), detail::extent_of("parameter", p),
                                                        detail::extent_of("gradient", g), master);
      return engine::update(clock, id, o, find_run<detail::element_of<P>, detail::element_of<G>>(record(id)),
                            detail::gradient_access<detail::element_of<G>>::functions);
    } else {
      return false;
    }
  }
  template <class P>
  bool update_accumulated(const detail::step_clock& clock, tensor_id id, P& parameter, std::span<float> master) {
    if constexpr (detail::check_elements<P, std::span<const float>>()) {
      const auto p = detail::view_of(parameter);
      require_accumulator(record(id));
      detail::operands o = detail::check_operands(record(id), detail::extent_of("parameter", p), {}, master);
      return engine::update(clock, id, o, find_run<detail::element_of<P>, float>(record(id)),
                            detail::gradient_access<float>::functions);
    } else {
      return false;
    }
  }
  template <class P, class G>
  bool update_into(const detail::step_clock& clock, tensor_id id, const P& parameter, const G& gradient,
                   std::span<float> delta) {
    if constexpr (detail::check_elements<const P, const G, false>()) {
      using element = detail::element_of<const P>;
      using slope = detail::element_of<const G>;
      const auto p = detail::view_of(parameter);
      const auto g = detail::view_of(gradient);
      detail::check_into(record(id), detail::extent_of("parameter", p), detail::extent_of("gradient", g), delta);
      const detail::operands o{nullptr, p.data(), g.data(), nullptr, delta.data(), dtype_of<slope>};
      return engine::update(clock, id, o, runner<into<element>, slope>(record(id)),
                            detail::gradient_access<slope>::functions);
    } else {
      return false;
    }
  }
  template <class G> void measure_view(const detail::step_clock& clock, tensor_id id, const G& gradient) {
    if constexpr (detail::check_elements<std::span<float>, const G>()) {
      const auto g = detail::view_of(gradient);
      detail::check_span(record(id).name, detail::extent_of("gradient", g), record(id).elements());
      engine::measure(clock, id, g.data(), detail::gradient_access<detail::element_of<const G>>::measuring);
    }
  }

  // the pass for this tensor's kind of parameter
  template <class P, class G> static detail::chunk_function find_run(const detail::tensor_record& t) {
    if constexpr (std::same_as<P, float>) return runner<in_place<fp32>, G>(t);
    else return runner<half_parameter<P>, G>(t);
  }
  template <class Target, class G>
  static detail::chunk_function runner([[maybe_unused]] const detail::tensor_record& t) {
    if constexpr (kernels::factored_slots > 0)
      if (t.layout.dense) return &run_chunk<Target, G, true>;
    return &run_chunk<Target, G, false>;
  }
  template <class Target, class G, bool Dense>
  static void run_chunk(const void* self, std::uint32_t i, const detail::operands& o, index_t chunk, int pass) {
    const auto& opt = *static_cast<const optimizer*>(static_cast<const engine*>(self));
    const auto& t = *opt.tensors_[i];
    const philox_key key{opt.options_.seed, t.hash, static_cast<std::uint32_t>(t.updates + 1), 0};
    if constexpr (watching_backend<Backend>)
      kernels::template each_range<Dense>(t, chunk, [&](const auto& r) { opt.backend_.before(t.owned, r); });
    const auto& now = opt.frames_[i];
    kernels::template run<Target, G, Dense>(opt.backend_, pass, opt.rules_[t.group], t, o, now.frame, now.scale, key,
                                            chunk);
    if constexpr (watching_backend<Backend>)
      kernels::template each_range<Dense>(t, chunk, [&](const auto& r) { opt.backend_.after(t.owned, r); });
  }

  static bool measures(const engine& self) {
    for (const auto& r : static_cast<const optimizer&>(self).rules_)
      if (r.measures()) return true;
    return false;
  }
  static void fold(engine& self, std::uint32_t i, const detail::step_clock& clock, double squared_norm) {
    auto& opt = static_cast<optimizer&>(self);
    const auto& t = *opt.tensors_[i];
    step_info info{t.updates + 1, clock.number, clock.args.learning_rate, squared_norm};
    const auto& r = opt.rules_[t.group];
    if constexpr (kernels::learns) detail::inform(r, info, detail::memory_of(t));
    opt.frames_[i].frame = r.fold(info);
    opt.frames_[i].scale = static_cast<float>(clock.args.gradient_scale * r.scale(info));
    opt.frames_[i].info = info;
  }
  static void share(engine& self) {
    auto& opt = static_cast<optimizer&>(self);
    if constexpr (requires { opt.backend_.require_usable(); }) opt.backend_.require_usable();
    detail::share_learned(opt.rules_, opt.tensors_, opt.learned_);
  }
  static void parallel(const engine& self, index_t n, task t) {
    static_cast<const optimizer&>(self).backend_.run(n, t);
  }
  static void finish(engine& self, std::uint32_t i, int pass) {
    auto& opt = static_cast<optimizer&>(self);
    const auto& t = *opt.tensors_[i];
    kernels::finish(pass, opt.rules_[t.group], t, opt.frames_[i].frame, opt.frames_[i].info);
  }
  static void prepare(engine& self, std::uint32_t i, const detail::operands& o) {
    auto& opt = static_cast<optimizer&>(self);
    auto& t = *opt.tensors_[i];
    auto& now = opt.frames_[i];
    const philox_key key{opt.options_.seed, t.hash, static_cast<std::uint32_t>(t.updates + 1), 0};
    kernels::prepare(opt.backend_, opt.rules_[t.group], t, o, now.frame, now.scale, key, now.info);
  }
  static buffer allocate(const engine& self, std::size_t bytes) {
    const auto& backend = static_cast<const optimizer&>(self).backend_;
    if constexpr (requires { backend.allocate_scratch(bytes); }) return backend.allocate_scratch(bytes);
    else return backend.allocate(bytes);
  }
  static constexpr detail::engine_functions functions = [] {
    detail::engine_functions its{measures, fold, parallel};
    if constexpr (detail::learning<Chain>::pools) its.share = share;
    if constexpr (kernels::staged) {
      its.move_one = detail::staged::move_one;
      its.move_all = detail::staged::move_all;
      its.finish = finish;
      its.allocate = allocate;
      its.passes = kernels::passes;
      if constexpr (requires { kernels::projects; }) its.prepare = prepare;
    }
    return its;
  }();

  // the constants of one tensor in the step at hand
  struct folded {
    typename Chain::frame frame;
    float scale;
    step_info info;
  };
  struct nothing {};
  Backend backend_;
  list<Chain> rules_;    // of no group, then of each group
  list<folded> frames_;  // one per tensor
  [[no_unique_address]] std::conditional_t<(detail::learning<Chain>::memory > 0), detail::pooling, nothing> learned_;
};

template <class Chain> optimizer(const Chain&) -> optimizer<Chain, stores<>, host>;

}  // namespace mango
