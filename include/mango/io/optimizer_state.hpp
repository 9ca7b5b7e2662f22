#pragma once
// What a checkpoint needs of an optimizer, whatever its rules, stores and backend: to see all that it remembers, and to
// put something else in its place.
#include <span>
#include <vector>

#include "mango/optim/optimizer.hpp"
#include "mango/pass/tally.hpp"

namespace mango::inline MANGO_ABI {

namespace detail {

// what takes the place of an optimizer's memory: of every tensor its arrays, one after the other
struct replacement {
  struct tensor {
    std::vector<const std::byte*> arrays;  // in the order of the layout's parts
    std::int64_t updates = 0;
    bool accumulating = false;
  };
  std::vector<tensor> tensors;
  step_counters counters;
  std::uint64_t seed = 0;
};

// the only one that a registry lets at its memory
struct checkpoint_access {
  static const list<tensor_record*>& tensors(const tensor_registry& r) { return r.tensors_; }
  static detail::occupancy& occupancy(const tensor_registry& r) { return r.occupancy_; }
  [[noreturn]] static void refuse_parameter(const tensor_registry& r, const tensor_record& t, const char* what,
                                            index_t element) {
    const_cast<tensor_registry&>(r).refuse_parameter(t, what, element);
  }
  static void replace_counters(tensor_registry& r, const replacement& by) noexcept {
    r.counters_ = by.counters;
    r.options_.seed = by.seed;
    for (std::size_t i = 0; i < by.tensors.size(); ++i) {
      r.tensors_[i]->updates = by.tensors[i].updates;
      r.tensors_[i]->accumulating = by.tensors[i].accumulating;
    }
  }
};

inline std::size_t bytes_of(const part_place& p) { return static_cast<std::size_t>(p.elements * size_of(p.type)); }

// alone with the optimizer for as long as it lives
class optimizer_state {
 public:
  virtual ~optimizer_state() = default;
  virtual std::string_view kind() const = 0;
  virtual text hyperparameters() const = 0;
  virtual const optimizer_options& options() const = 0;
  virtual const list<tensor_record*>& tensors() const = 0;
  virtual step_counters counters() const = 0;
  virtual std::int64_t updates(std::size_t tensor) const = 0;
  // one array, in memory of the host that stays while this object does
  virtual std::span<const std::byte> bytes(std::size_t tensor, const part_place&) const = 0;
  // raises errc::nonfinite for a bound parameter that is not finite, unless options say that nobody looks
  virtual void check_parameters() const = 0;
  // nothing can be refused any more
  virtual void replace(const replacement&) = 0;
};

// the kind of a named product; of a chain of one's own "chain"
template <class Optimizer> std::string_view kind_of(const Optimizer& opt) {
  if constexpr (requires {
                  { opt.name() } -> std::convertible_to<std::string_view>;
                })
    return opt.name();
  else if constexpr (requires { Optimizer::kind(); }) return Optimizer::kind();
  else return "chain";
}

// of an optimizer whose state the host can see
template <class Optimizer> class live_state : public optimizer_state {
 public:
  explicit live_state(Optimizer& opt) : opt_(&opt), now_(checkpoint_access::occupancy(registry())) {}
  std::string_view kind() const override { return kind_of(*opt_); }
  text hyperparameters() const override { return opt_->hyperparameters(); }
  const optimizer_options& options() const override { return registry().options(); }
  const list<tensor_record*>& tensors() const override { return checkpoint_access::tensors(registry()); }
  step_counters counters() const override { return registry().counters(); }
  std::int64_t updates(std::size_t i) const override { return tensors()[i]->updates; }
  std::span<const std::byte> bytes(std::size_t i, const part_place& p) const override {
    return {tensors()[i]->state + p.offset, bytes_of(p)};
  }
  void check_parameters() const override {
    if (!options().check_parameters) return;
    for (const auto* t : tensors()) {
      const auto look = [&](const char* what, const void* x, dtype type) {
        if (const auto bad = x ? first_nonfinite(x, type, t->elements()) : t->elements(); bad < t->elements())
          checkpoint_access::refuse_parameter(registry(), *t, what, bad);
      };
      look("parameter", t->bound.parameter, t->spec.parameter);
      look("master copy", t->bound.master, dtype::f32);
    }
  }
  void replace(const replacement& by) override {
    for (std::size_t i = 0; i < by.tensors.size(); ++i) {
      const auto& t = *tensors()[i];
      for (std::size_t k = 0; k < t.layout.parts.size(); ++k) {
        const auto& p = t.layout.parts[k];
        if (p.elements > 0) std::memcpy(t.state + p.offset, by.tensors[i].arrays[k], bytes_of(p));
      }
    }
    checkpoint_access::replace_counters(const_cast<tensor_registry&>(registry()), by);
  }

 private:
  const tensor_registry& registry() const {
    if constexpr (requires { opt_->tensors(); }) return opt_->tensors();
    else return *opt_;
  }
  Optimizer* opt_;
  alone_at_work now_;
};

}  // namespace detail
}  // namespace mango
