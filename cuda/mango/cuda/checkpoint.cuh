#pragma once
// A device optimizer's memory, for checkpoints: copied to the host to be saved, and back when all of it has been
// checked. The same files, the same calls: a run that was saved on a GPU goes on on a CPU, and the other way round.
#include "mango/io/checkpoint.hpp"

#include "mango/cuda/optimizer.cuh"

namespace mango::inline MANGO_ABI::detail {

// the only one that a device optimizer lets at its memory
struct device_checkpoint_access {
  template <class O> static const tensor_registry& registry(const O& opt) { return opt; }
  template <class O> static bool is_bound(const O& opt, std::size_t i) { return opt.kinds_[i].stays; }
  template <class O> static const auto& backend(const O& opt) { return opt.backend_; }
  template <class O> static void restore(O& opt, const step_counters& counters, const list<std::int64_t>& updates) {
    opt.program_.restore(counters, updates, opt.backend_);
    opt.prepared_ = false;  // the seed is in what was prepared
  }
};

template <class Step> inline constexpr bool is_device_step = false;
template <class Optimizer> inline constexpr bool is_device_step<cuda::device_step<Optimizer>> = true;
template <class Optimizer> concept on_a_device = is_device_step<typename Optimizer::step_type>;

// of an optimizer whose state lies on a device: a copy, made when this object is
template <on_a_device Optimizer> class live_state<Optimizer> : public optimizer_state {
 public:
  explicit live_state(Optimizer& opt)
      : opt_(&opt),
        now_(checkpoint_access::occupancy(device_checkpoint_access::registry(opt))),
        counters_(opt.counters()) {
    std::size_t bytes = 0;
    for (const auto* t : tensors()) bytes += t->layout.bytes;
    copy_.resize(bytes);
    std::size_t at = 0;
    for (const auto* t : tensors()) {
      begin_.push_back(at);
      if (t->layout.bytes > 0) move(copy_.data() + at, t->state, t->layout.bytes, cudaMemcpyDeviceToHost);
      at += t->layout.bytes;
    }
    where().synchronize();
  }
  std::string_view kind() const override { return kind_of(*opt_); }
  text hyperparameters() const override { return opt_->hyperparameters(); }
  const optimizer_options& options() const override { return opt_->options(); }
  const list<tensor_record*>& tensors() const override {
    return checkpoint_access::tensors(device_checkpoint_access::registry(*opt_));
  }
  step_counters counters() const override { return counters_; }
  std::int64_t updates(std::size_t i) const override { return opt_->updates({static_cast<std::uint32_t>(i)}); }
  std::span<const std::byte> bytes(std::size_t i, const part_place& p) const override {
    return {copy_.data() + begin_[i] + p.offset, bytes_of(p)};
  }
  void check_parameters() const override {
    if (!options().check_parameters) return;
    for (std::size_t i = 0; i < tensors().size(); ++i) {
      if (!device_checkpoint_access::is_bound(*opt_, i)) continue;
      const auto& t = *tensors()[i];
      cuda::check_bound_parameter(t, t.bound, {}, where(), [&](const char* what, index_t bad) {
        checkpoint_access::refuse_parameter(device_checkpoint_access::registry(*opt_), t, what, bad);
      });
    }
  }
  void replace(const replacement& by) override {
    if constexpr (!std::is_const_v<Optimizer>) {
      list<std::int64_t> updates;
      for (const auto& t : by.tensors) updates.push_back(t.updates);  // before anything is written: it takes memory
      for (std::size_t i = 0; i < by.tensors.size(); ++i) {
        const auto& t = *tensors()[i];
        for (std::size_t k = 0; k < t.layout.parts.size(); ++k)
          if (const auto& p = t.layout.parts[k]; p.elements > 0)
            move(t.state + p.offset, by.tensors[i].arrays[k], bytes_of(p), cudaMemcpyHostToDevice);
      }
      auto& registry = const_cast<tensor_registry&>(device_checkpoint_access::registry(*opt_));
      checkpoint_access::replace_counters(registry, by);
      device_checkpoint_access::restore(*opt_, by.counters, updates);
      where().synchronize();  // what was copied from may go
    }
  }

 private:
  const cuda::device& where() const { return device_checkpoint_access::backend(*opt_); }
  void move(void* to, const void* from, std::size_t bytes, cudaMemcpyKind how) const {
    cuda::check(cudaMemcpyAsync(to, from, bytes, how, where().stream()), "copying an optimizer's state");
  }

  Optimizer* opt_;
  alone_at_work now_;
  step_counters counters_;
  std::vector<std::byte> copy_;
  std::vector<std::size_t> begin_;
};

}  // namespace mango::inline MANGO_ABI::detail
