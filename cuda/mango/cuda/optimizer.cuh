#pragma once
// The optimizer on a device: the same rules and stores, with kernels for passes.
#include "mango/optim/optimizer.hpp"

#include "mango/cuda/device_span.hpp"
#include "mango/cuda/device_step.hpp"
#include "mango/cuda/parameter_check.cuh"
#include "mango/cuda/program.cuh"
#include "mango/cuda/saturation.cuh"

namespace mango::inline MANGO_ABI {

namespace detail {
struct device_checkpoint_access;
}

/// A chain of rules over tensors in device memory. What is different from the host's optimizer:
///   - Everything happens on the stream of `Backend` (cuda::device), in the order of the calls, and is only enqueued.
///     Whether a gradient is finite, how large all of them are, and the number of the step are found and kept on the
///     device; report() waits and tells.
///   - step() launches a fixed sequence of kernels, whatever the number of tensors, and may be captured in a graph and
///     replayed: prepare() first. In a graph the arguments of the step stay what they were.
///   - With on_nonfinite = raise a step whose gradients are not finite is not applied, and neither is any later one
///     until report() has raised the error.
///   - update() takes one tensor, for gradients that are freed right after; a chain that measures needs step().
///   - State lies in device memory with every array aligned to 16 bytes; state() gives device views of it.
/// Raises, beside what the host's raises, errc::device: memory of the host or of another device, a device that is not
/// current, a lost context, after which nothing but the destructor may be called.
template <class Chain, class Stores, device_backend Backend> class optimizer<Chain, Stores, Backend> : tensor_registry {
  static_assert(Stores::count == slot_count<Chain>,
                "mango: give one store per state slot of the chain: stores<fp32, fp32> for Adam's m and v; "
                "see docs/start.md#stores");
  static_assert(std::is_trivially_copyable_v<Chain>,
                "mango: a rule holds plain numbers; what it computes goes into slots");
  using kernels = mango::detail::kernels<Chain, Stores>;
  template <class T> using span = cuda::device_span<T>;

 public:
  using plan = mango::plan<Chain, Stores>;
  using step_type = cuda::device_step<optimizer>;

  explicit optimizer(const Chain& rules, Stores = {}, const Backend& backend = {},
                     const optimizer_options& options = {})
      : tensor_registry(options), backend_(backend), program_(backend) {
    cuda::require_supported(options);
    append_rules(rules);
  }

  using tensor_registry::faults;
  using tensor_registry::find;
  using tensor_registry::name;
  using tensor_registry::options;
  using tensor_registry::shape;
  using tensor_registry::size;
  using tensor_registry::state_bytes;
  std::size_t group(tensor_id id) const { return tensor_registry::group(id); }
  std::size_t group(const tensor_filter& filter, const Chain& rules) {
    const mango::detail::alone_at_work now(occupancy_);
    append_rules(rules);
    return append_filter(filter);
  }

  /// Registers a tensor and allocates its state, zeroed.
  tensor_id add(std::string_view name, const tensor_spec& spec) {
    const mango::detail::alone_at_work now(occupancy_);
    return insert_new(name, spec);
  }
  template <std::integral Size> tensor_id add(std::string_view name, Size elements) {
    return add(name, tensor_spec{.shape = {static_cast<index_t>(elements)}});
  }
  template <class P, class G>
  tensor_id add(std::string_view name, const tensor_spec& spec, span<P> parameter, span<G> gradient,
                span<float> master = {}) {
    const mango::detail::alone_at_work now(occupancy_);
    const auto id = insert_new(name, spec);
    insertion guard{this};
    bind_views<true>(id, parameter, gradient, master);
    guard.self = nullptr;
    return id;
  }
  template <class P, class G>
  tensor_id add(std::string_view, const tensor_spec&, const P&, const G&,
                cuda::host_memory_given_to_a_cuda_optimizer__wrap_it_in_device_span = {}) = delete;

  /// Tells step() where a tensor's parameter and gradient are. An empty gradient: it has none at present. A parameter
  /// at a new place is looked at, and waited for (options.check_parameters).
  template <class P, class G> void bind(tensor_id id, span<P> parameter, span<G> gradient, span<float> master = {}) {
    const mango::detail::alone_at_work now(occupancy_);
    bind_views<true>(id, parameter, gradient, master);
  }
  template <class P, class G>
  void bind(tensor_id, const P&, const G&,
            cuda::host_memory_given_to_a_cuda_optimizer__wrap_it_in_device_span = {}) = delete;

  /// Copies to the device what kernels must know of the tensors; step() does so by itself when something was bound, but
  /// not while its stream is captured.
  void prepare() {
    const mango::detail::alone_at_work now(occupancy_);
    upload();
  }

  /// Enqueues a step of every bound tensor that has a gradient.
  void step(const step_args& args = {}) {
    const mango::detail::alone_at_work now(occupancy_);
    backend_.require_current();
    mango::detail::check_args(args);
    upload();
    program_.enqueue_sharing(backend_.stream());
    program_.enqueue(args, ++attempts_, backend_.stream());
  }
  /// A step taken tensor by tensor.
  [[nodiscard]] step_type begin_step(const step_args& args = {}) {
    const mango::detail::alone_at_work now(occupancy_);
    backend_.require_current();
    mango::detail::check_args(args);
    return step_type(*this, args, ++attempts_);
  }

  /// Waits for the stream and says what became of the last step. Raises errc::nonfinite, naming the tensor, when a
  /// gradient was not and options say so, or when skips have reached max_consecutive_skips; errc::device.
  step_report report() {
    const mango::detail::alone_at_work now(occupancy_);
    const auto n = program_.counters(backend_);
    if (n.refused != 0) refuse_nonfinite();
    if (options_.max_consecutive_skips > 0 && n.consecutive_skips >= options_.max_consecutive_skips)
      raise(errc::nonfinite,
            "skipped for a non-finite gradient {got} times in a row, and max_consecutive_skips is {expected}",
            options_.max_consecutive_skips, n.consecutive_skips);
    return {n.applied != 0, n.applied != 0 ? program_.moved() : 0, program_.without_gradient(), n.gradient_norm};
  }
  /// Waits for the stream and reads what it has counted.
  step_counters counters() const {
    const auto n = program_.counters(backend_);
    return {n.steps, n.skipped_steps, n.skipped_updates, n.consecutive_skips};
  }
  std::int64_t updates(tensor_id id) const {
    (void)record(id);
    return program_.updates(id.index, backend_);
  }

  /// Bound tensors with an array that is not aligned to 16 bytes: their kernels move one number at a time.
  index_t unaligned() const { return cuda::count_unaligned(kinds_); }
  /// How many numbers of 16 bits are at the end of their range; see tensor_registry::saturated(). Waits for the stream.
  index_t saturated(tensor_id id) const { return cuda::count_saturated(record(id), kinds_[id.index].stays, backend_); }

  /// Exact bytes of state that a tensor of this spec will take on a device.
  static std::size_t state_bytes(const tensor_spec& spec, const optimizer_options& options = {},
                                 const Chain& rules = {}) {
    return cuda::aligned(kernels::layout(spec, options, rules)).bytes;
  }
  /// Bytes of the device beside the state, once prepare() has been called: tables of work, partial sums, constants.
  std::size_t workspace_bytes() const { return program_.bytes(); }
  /// Every array of a tensor's state, by name.
  list<cuda::device_state_part> state(tensor_id id) const { return cuda::parts_of(record(id)); }
  const Chain& rules(std::size_t group = 0) const { return rules_[group]; }
  text hyperparameters() const { return describe_groups(rules_); }
  text describe(std::string_view title = "optimizer") const {
    text out = describe_totals(title);
    out += describe_groups(rules_);
    return out += describe_tensors();
  }

 private:
  friend step_type;
  friend mango::detail::device_checkpoint_access;
  struct insertion {
    optimizer* self;
    ~insertion() {
      if (self) self->drop_last(), self->kinds_.resize(self->tensors_.size());
    }
  };

  tensor_id insert_new(std::string_view name, const tensor_spec& spec) {
    backend_.require_current();
    if (spec.state.check)
      mango::detail::refuse(errc::memory, name, "a device optimizer allocates its state itself", 0,
                            static_cast<long long>(spec.state.size()));
    auto layout = cuda::aligned(kernels::layout(spec, options_, rules_[group_of(name, spec)]));
    check_new(name, spec, layout);
    buffer owned = backend_.allocate(layout.bytes);
    program_.grow(tensors_.size() + 1, backend_);
    kinds_.resize(tensors_.size() + 1);
    const auto id = insert(name, spec, std::move(layout), std::move(owned), 0);
    cuda::fill_parts(record(id), backend_);
    prepared_ = false;
    return id;
  }
  template <bool Stays, class P, class G>
  void bind_views(tensor_id id, span<P> parameter, span<G> gradient, span<float> master) {
    if constexpr (mango::detail::check_elements<span<P>, span<G>>()) {
      using value = std::remove_const_t<G>;
      backend_.require_current();
      backend_.require_alive();
      auto& t = record(id);
      const bool has_gradient = gradient.size() > 0 || t.elements() == 0;
      const auto o = cuda::check_device_operands<P, value>(t, parameter, has_gradient ? gradient : span<G>{}, master,
                                                           has_gradient, backend_);
      for (const auto* other : tensors_)
        if (other != &t) mango::detail::check_apart(t, o, *other, other->bound);
      auto& was = kinds_[id.index];
      if (Stays && options_.check_parameters) require_finite(t, o, was.stays ? t.bound : mango::detail::operands{});
      auto kind = kind_for<P, value>(t, o);
      kind.stays = Stays || (was.stays && o.parameter == t.bound.parameter && o.master == t.bound.master);
      was.stays = kind.stays;
      if (cuda::same(t.bound, o) && t.bound_gradient == has_gradient && was.kind) return;
      const bool only_moved = prepared_ && has_gradient && t.bound_gradient && was.kind == kind.kind &&
                              was.wide == kind.wide && !backend_.capturing();
      t.bound = o;
      t.bound_gradient = has_gradient;
      was = kind;
      if (only_moved) program_.move(id.index, t, kind, backend_);
      else prepared_ = false;
    }
  }
  // of parameters that are not those of `known`
  void require_finite(const mango::detail::tensor_record& t, const mango::detail::operands& o,
                      const mango::detail::operands& known) {
    if (o.parameter == known.parameter && o.master == known.master) return;
    if (backend_.capturing())
      mango::detail::refuse(errc::order, t.name,
                            "its parameter is at a new place, which cannot be looked at while the stream is captured: "
                            "bind it before, or construct with .options.check_parameters = false",
                            0, 1);
    cuda::check_bound_parameter(t, o, known, backend_,
                                [&](const char* what, index_t bad) { refuse_parameter(t, what, bad); });
  }

  void append_rules(const Chain& rules) {
    rules.hyperparameters(check_hyperparameter{});
    rules.hyperparameters(cuda::no_host_function{});
    rules_.push_back(rules);
    prepared_ = false;
  }
  void upload() {
    backend_.require_current();
    if (prepared_) return;
    if (backend_.capturing())
      raise(errc::order, "tensors were bound since the last prepare(), which cannot be part of a graph: call it before",
            0, 1);
    program_.upload(tensors_, kinds_, rules_, options_, backend_);
    prepared_ = true;
  }

  // what device_step forwards to
  template <class P, class G>
  void update(const step_args& args, std::int64_t attempt, tensor_id id, span<P> parameter, span<G> gradient,
              span<float> master) {
    const mango::detail::alone_at_work now(occupancy_);
    bind_views<false>(id, parameter, gradient, master);
    auto& t = record(id);
    upload();
    if (program_.measures())
      mango::detail::refuse(errc::order, t.name,
                            "a rule clips by the norm of all gradients: call step(), which measures them first", 1, 0);
    if (t.updated_in == attempt)
      mango::detail::refuse(errc::order, t.name, "it was updated in this step already", 1, 2);
    t.updated_in = attempt;
    if (attempt > shared_in_) program_.enqueue_sharing(backend_.stream());
    shared_in_ = attempt > shared_in_ ? attempt : shared_in_;
    program_.enqueue_one(id.index, args, attempt, backend_.stream());
  }

  // the kernels for this tensor's kind of parameter
  template <class P, class G>
  cuda::bound_kind kind_for(const mango::detail::tensor_record& t, const mango::detail::operands& o) const {
    if constexpr (std::same_as<P, float>) return kind_of<in_place<fp32>, G>(t, o);
    else if (t.spec.master) return kind_of<master_copy<P>, G>(t, o);
    else if (options_.half_parameters == rounding::kahan) return kind_of<in_place<compensated<P>>, G>(t, o);
    else if (options_.half_parameters == rounding::nearest) return kind_of<to_nearest<P>, G>(t, o);
    else return kind_of<in_place<rounded<P>>, G>(t, o);
  }
  template <class Target, class G>
  static cuda::bound_kind kind_of(const mango::detail::tensor_record& t, const mango::detail::operands& o) {
    return cuda::find_kind<kernels, Chain, Target, G>(t, cuda::is_aligned(o));
  }

  [[noreturn]] void refuse_nonfinite() {
    program_.forgive(backend_);
    for (const auto* t : tensors_) {
      if (!t->bound_gradient) continue;
      const auto first = cuda::first_nonfinite(t->bound.gradient, t->bound.gradient_type, t->elements(), backend_);
      if (first < t->elements())
        mango::detail::refuse(
            errc::nonfinite, t->name,
            "element {got} of {expected} of its gradient is not finite; nothing has been written since", t->elements(),
            first);
    }
    raise(errc::nonfinite, "a gradient was not finite, and has been overwritten since; nothing else has been written",
          0, 1);
  }

  Backend backend_;
  list<Chain> rules_;  // of no group, then of each group
  list<cuda::bound_kind> kinds_;
  cuda::program<Chain, kernels> program_;
  std::int64_t attempts_ = 0, shared_in_ = 0;
  bool prepared_ = false;
};

}  // namespace mango
