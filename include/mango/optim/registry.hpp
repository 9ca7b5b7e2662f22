#pragma once
// The tensors of one optimizer: names, memory and bound views. It knows nothing of rules or stores, so it is compiled
// once however many optimizers a program has.
#include "mango/core/floating_environment.hpp"
#include "mango/core/philox.hpp"
#include "mango/optim/groups.hpp"
#include "mango/optim/validate.hpp"
#include "mango/pass/saturation.hpp"
#include "mango/rule/hyperparameter.hpp"

namespace mango::inline MANGO_ABI {

namespace detail {
struct checkpoint_access;
}

/// What every optimizer can say about its tensors.
class tensor_registry {
  friend detail::checkpoint_access;

 public:
  /// Number of registered tensors.
  index_t size() const { return static_cast<index_t>(tensors_.size()); }
  /// The id of a name; raises errc::unknown_name.
  tensor_id find(std::string_view name) const {
    for (std::size_t i = 0; i < tensors_.size(); ++i)
      if (tensors_[i]->name == name) return {static_cast<std::uint32_t>(i)};
    raise(errc::unknown_name, "no tensor is called {subject}", 1, 0, name);
  }
  std::string_view name(tensor_id id) const { return record(id).name; }
  const mango::shape& shape(tensor_id id) const { return record(id).spec.shape; }
  /// The group that took the tensor: 0 for none, else the position of its group() call, from 1.
  std::size_t group(tensor_id id) const { return record(id).group; }
  /// How the tensor is projected, by an optimizer that projects; rank 0: not.
  const mango::projection& projected(tensor_id id) const { return record(id).layout.projection; }
  /// How many updates the tensor has had.
  std::int64_t updates(tensor_id id) const { return record(id).updates; }

  /// How many numbers of 16 bits, of the tensor's bound parameter and of its state, are the largest of their type or
  /// beyond it: what rounding has cut (float16 by chance, at 65504) or made infinite. Counted now, at the cost of
  /// reading them: steps take no time to. 0 in a run that is well.
  index_t saturated(tensor_id id) const {
    const auto& t = record(id);
    index_t all = t.bound.parameter ? count_saturated(t.bound.parameter, t.spec.parameter, t.elements()) : 0;
    for (const auto& p : t.layout.parts) all += count_saturated(t.state + p.offset, p.type, p.elements);
    return all;
  }

  /// Exact bytes of state of one tensor, or of all: allocated by the optimizer or bound by the trainer.
  std::size_t state_bytes(tensor_id id) const { return record(id).layout.bytes; }
  std::size_t state_bytes() const {
    std::size_t total = 0;
    for (const auto* t : tensors_) total += t->layout.bytes;
    return total;
  }
  /// Bytes of scratch beside the state: partial sums of the gradient check, 16 per 65,536 elements, and an arena for
  /// sums of columns and surveys, which tensors take turns with: 8 MiB, or less if all need less, or more if one does
  /// (a factored slot takes at most 192 sqrt(elements)). It is allocated by the first step. Updates that run at the
  /// same time on several threads take more: each its own tensor's share.
  std::size_t workspace_bytes() const { return need_.bytes(); }
  /// Every array of a tensor's state, by name. The spans are the live memory.
  list<state_part> state(tensor_id id) const {
    const auto& t = record(id);
    list<state_part> parts;
    for (const auto& p : t.layout.parts)
      parts.push_back({p.slot,
                       p.part,
                       p.store,
                       p.type,
                       {t.state + p.offset, static_cast<std::size_t>(p.elements * size_of(p.type))}});
    return parts;
  }
  list<state_part> state(std::string_view tensor) const { return state(find(tensor)); }

  /// The optimizer in one line: tensors, parameters, exact bytes, options.
  text describe_totals(std::string_view title) const;
  /// One line per tensor.
  text describe_tensors() const;

  /// Takes back the last add(), state and all.
  void remove_last() {
    const detail::alone_at_work now(occupancy_);
    if (tensors_.empty()) raise(errc::order, "there is no tensor to remove", 1, 0);
    drop_last();
  }

  const optimizer_options& options() const { return options_; }
  const step_counters& counters() const { return counters_; }
  /// What was found wrong so far.
  fault_counters faults() const {
    fault_counters all = faults_;
    all.collisions = occupancy_.collisions();
    for (const auto* t : tensors_) all.collisions += t->occupancy.collisions();
    return all;
  }

  /// Swaps an fp32 parameter with an fp32 slot kept beside it, such as the average of average_weights: once to evaluate
  /// with the average, once more to train on. Raises errc::unknown_name, errc::type, or what spans are checked for.
  void exchange(tensor_id id, std::string_view slot, std::span<float> parameter) const {
    const auto& t = record(id);
    const detail::alone_at_work now(occupancy_);
    detail::check_span(t.name, detail::extent_of("parameter", parameter), t.elements());
    for (const auto& p : t.layout.parts) {
      if (slot != p.slot) continue;
      if (p.type != dtype::f32 || p.elements != t.elements())
        detail::refuse(errc::type, t.name, "slot {word} is kept in {other}, so swapping would round it", 4,
                       size_of(p.type), slot, p.store);
      auto* values = reinterpret_cast<float*>(t.state + p.offset);
      for (std::size_t i = 0; i < parameter.size(); ++i) std::swap(values[i], parameter[i]);
      return;
    }
    detail::refuse(errc::unknown_name, t.name, "it has no slot {word}", 1, 0, quoted(slot));
  }

 protected:
  explicit tensor_registry(const optimizer_options& options) : options_(options) {
    require("max_consecutive_skips", static_cast<double>(options.max_consecutive_skips), {0, 1e15});
  }
  tensor_registry(tensor_registry&&) = default;
  tensor_registry& operator=(tensor_registry&&) = default;
  __attribute__((noinline)) ~tensor_registry() {
    for (auto* t : tensors_) delete t;
    for (auto* f : filters_) delete f;
  }

  void drop_last() {
    delete tensors_[tensors_.size() - 1];
    tensors_.pop_back();
    need_ = {};
    for (const auto* t : tensors_) need_ = need_ + detail::workspace_of(t->chunks(), t->layout);
  }

  // takes the last tensor back out, unless it is told not to
  struct insertion {
    tensor_registry* self;
    ~insertion() {
      if (self) self->drop_last();
    }
  };

  // compares the calling thread's with that of the constructor
  void require_environment() {
    if (const auto now = floating_environment::now(); now != environment_) note_environment(now);
  }
  __attribute__((noinline, cold)) void note_environment(const floating_environment& now) {
    ++faults_.other_environments;
    if (options_.deterministic)
      raise(errc::environment, "floats are handled otherwise than when the optimizer was made: {word}, and not {other}",
            0, 0, {}, now.describe(), environment_.describe());
  }
  [[noreturn]] __attribute__((noinline, cold)) void refuse_parameter(const detail::tensor_record& t, const char* what,
                                                                     index_t element) {
    ++faults_.nonfinite_parameters;
    detail::refuse(errc::nonfinite, t.name, "its {word} is not finite at element {got} of {expected}", t.elements(),
                   element, what);
  }

  std::size_t append_filter(const tensor_filter& filter) {
    filters_.reserve(filters_.size() + 1);
    matcher_ = &detail::matches_filter;
    filters_.push_back(new detail::kept_filter{text(filter.names), filter});
    return filters_.size();
  }

  detail::tensor_record& record(tensor_id id) const {
    if (id.index >= tensors_.size()) refuse_id(id);
    return *tensors_[id.index];
  }

  [[noreturn]] __attribute__((noinline, cold)) void refuse_id(tensor_id id) const {
    raise(errc::unknown_tensor, "tensor id {got} was not given out by this optimizer, which has {expected} tensors",
          size(), id.index);
  }

  // the group that takes a new tensor
  std::size_t group_of(std::string_view name, const tensor_spec& spec) const {
    std::size_t group = 0;
    for (std::size_t i = 0; i < filters_.size(); ++i)
      if (matcher_(filters_[i]->filter, filters_[i]->names, name, spec.shape)) group = i + 1;
    return group;
  }

  // checks everything about a new tensor before anything is allocated
  __attribute__((noinline)) void check_new(std::string_view name, const tensor_spec& spec,
                                           const detail::state_layout& layout) const {
    if (name.empty()) raise(errc::unknown_name, "a tensor needs a name: checkpoints and groups find it by that", 1, 0);
    for (const auto* t : tensors_)
      if (t->name == name) detail::refuse(errc::duplicate_name, name, "the name is taken already", 0, 1);
    if (spec.parameter == dtype::u8 || (spec.parameter == dtype::f32 && spec.master))
      detail::refuse(
          errc::type, name,
          spec.master ? "an fp32 master copy belongs to a bf16 or f16 parameter" : "a parameter is f32, bf16 or f16",
          size_of(dtype::bf16), size_of(spec.parameter));
    if (spec.state.check) spec.state.check(name, spec.state, layout, tensors_);
  }

  // the new tensor's record, with its memory in place; `owned` is empty when the trainer bound its own
  __attribute__((noinline)) tensor_id insert(std::string_view name, const tensor_spec& spec,
                                             detail::state_layout&& layout, buffer&& owned, index_t chunks) {
    tensors_.reserve(tensors_.size() + 1);
    auto* t = new detail::tensor_record{text(name), spec, std::move(layout), std::move(owned)};
    tensors_.push_back(t);
    t->hash = name_hash(name);
    t->group = group_of(name, spec);
    t->nearest = options_.half_parameters == rounding::nearest;
    t->state = spec.state.empty() ? t->owned.data() : spec.state.data();
    if (t->layout.accumulator != detail::state_layout::none)
      t->accumulator = reinterpret_cast<float*>(t->state + t->layout.accumulator);
    if (t->layout.compensation != detail::state_layout::none)
      t->compensation = reinterpret_cast<bfloat16*>(t->state + t->layout.compensation);
    t->chunk_tallies.resize(static_cast<std::size_t>(chunks));
    need_ = need_ + detail::workspace_of(chunks, t->layout);
    return {static_cast<std::uint32_t>(tensors_.size() - 1)};
  }
  // every array as it starts; memory that the trainer bound is written to only when nothing can be refused any more
  tensor_id initialised(tensor_id id) const {
    const auto& t = record(id);
    for (const auto& p : t.layout.parts)
      if (p.elements > 0 && (p.fill != 0 || !t.spec.state.empty()))
        std::memset(t.state + p.offset, p.fill, static_cast<std::size_t>(p.elements * size_of(p.type)));
    return id;
  }

  list<detail::tensor_record*> tensors_;
  list<detail::kept_filter*> filters_;  // of each group
  detail::workspace workspace_;
  workspace_need need_;
  // set by group(), so that a program without groups does not compile it
  bool (*matcher_)(const tensor_filter&, std::string_view, std::string_view, const mango::shape&) = nullptr;
  optimizer_options options_;
  step_counters counters_;
  fault_counters faults_;
  floating_environment environment_ = floating_environment::now();
  mutable detail::occupancy occupancy_;
};

}  // namespace mango
