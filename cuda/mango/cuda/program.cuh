#pragma once
// A device optimizer's kernels in their order: what a step enqueues, and the numbers that it leaves on the device.
#include "mango/cuda/decide.cuh"
#include "mango/cuda/device_state.hpp"
#include "mango/cuda/learners.cuh"
#include "mango/cuda/work_tables.cuh"

namespace mango::inline MANGO_ABI::cuda {

/// Steps over what tensors were bound to when upload() was called. Everything that changes from step to step is kept on
/// the device, so that the same kernels with the same arguments are the next step.
template <class Chain, class Kernels> class program {
 public:
  explicit program(const device& where) { counters_.reserve(1, where); }

  /// Room for the numbers of so many tensors.
  void grow(std::size_t tensors, const device& where) { updates_.grow(tensors, where); }

  /// Everything that kernels read, from what is bound now; `kinds` has one entry per tensor.
  void upload(const list<mango::detail::tensor_record*>& tensors, const list<bound_kind>& kinds,
              const list<Chain>& rules, const optimizer_options& options, const device& where) {
    std::vector<bound_tensor> work;
    list<std::uint32_t> groups;
    item_of_.resize(tensors.size());
    without_gradient_ = 0;
    for (std::uint32_t i = 0; i < tensors.size(); ++i) {
      const auto& t = *tensors[i];
      groups.push_back(static_cast<std::uint32_t>(t.group));
      item_of_[i] = work.size();
      if (!kinds[i].kind) continue;
      if (t.bound_gradient) work.push_back({&t, kinds[i].kind, i, kinds[i].wide});
      else ++without_gradient_;
    }
    tables_.build(work, Kernels::passes, where);
    groups_.assign(groups, where);
    rules_.assign(rules, where);
    frames_.reserve(tensors.size(), where);
    learners_.upload(tensors, rules, where);
    note(rules, options);
  }

  /// One of them lies elsewhere now.
  void move(std::uint32_t tensor, const mango::detail::tensor_record& t, const bound_kind& k, const device& where) {
    tables_.move(item_of_[tensor], {&t, k.kind, tensor, k.wide}, where);
  }

  /// What tensors have learned in the last step reaches the others of their pools: once, before a step.
  void enqueue_sharing(cudaStream_t stream) const { learners_.share(rules_.data(), groups_.data(), stream); }
  /// Every bound tensor.
  void enqueue(const step_args& args, std::int64_t attempt, cudaStream_t stream) const {
    decide_on(args, {0, static_cast<index_t>(tables_.size())}, tables_.look.parts.all(), true, attempt, stream);
    for (std::size_t run = 0; run < tables_.runs(); ++run) {
      for (int pass = 0; pass < Kernels::passes; ++pass) {
        if (!needed_[pass]) continue;
        if (looks_before(pass)) tables_.observe(run, frames_.data(), stream);
        tables_.run(pass, run, frames_.data(), seed_, stream);
        finish(pass, tables_.finish[pass].parts.of_run(run), stream);
        settle_with(pass, tables_.items_of(run), stream);
      }
      learn_with(tables_.items_of(run), stream);
    }
  }
  /// One of them.
  void enqueue_one(std::uint32_t tensor, const step_args& args, std::int64_t attempt, cudaStream_t stream) const {
    const auto& place = tables_.at(item_of_[tensor]);
    const segment item{static_cast<index_t>(place.item), 1};
    decide_on(args, item, place.look, false, attempt, stream);
    for (int pass = 0; pass < Kernels::passes; ++pass) {
      if (!needed_[pass]) continue;
      if (looks_before(pass)) tables_.observe_one(place, frames_.data(), stream);
      tables_.run_one(pass, place, frames_.data(), seed_, stream);
      finish(pass, place.finish[pass], stream);
      settle_with(pass, item, stream);
    }
    learn_with(item, stream);
  }

  /// These wait for the stream.
  device_counters counters(const device& where) const { return read(counters_.data(), where); }
  std::int64_t updates(std::uint32_t tensor, const device& where) const {
    return read(updates_.data() + tensor, where);
  }
  /// What was counted elsewhere takes the place of what was counted here.
  void restore(const step_counters& counted, const list<std::int64_t>& updates, const device& where) {
    device_counters n{};
    n.steps = counted.steps;
    n.skipped_steps = counted.skipped_steps;
    n.skipped_updates = counted.skipped_updates;
    n.consecutive_skips = counted.consecutive_skips;
    counters_.assign(&n, 1, where);
    updates_.assign(updates, where);
  }
  /// Steps are applied again: the error has been told.
  void forgive(const device& where) {
    device_counters n = counters(where);
    n.refused = 0;
    counters_.assign(&n, 1, where);
  }

  bool measures() const { return measures_; }
  index_t moved() const { return static_cast<index_t>(tables_.size()); }
  index_t without_gradient() const { return without_gradient_; }
  std::size_t bytes() const {
    return tables_.bytes() + frames_.bytes() + updates_.bytes() + rules_.bytes() + groups_.bytes() + counters_.bytes() +
           learners_.bytes();
  }

 private:
  // what is the same in every step
  void note(const list<Chain>& rules, const optimizer_options& options) {
    seed_ = options.seed;
    raises_ = options.on_nonfinite == nonfinite::raise;
    measures_ = false;
    for (const auto& r : rules) measures_ = measures_ || r.measures();
    looks_ = measures_ || options.on_nonfinite != nonfinite::unchecked;
    for (int pass = 0; pass < Kernels::passes; ++pass)
      mango::detail::with_pass<Kernels::passes - 1>(pass, [&]<int Pass>() {
        observed_[pass] = false;
        if constexpr (Pass < Kernels::passes - 1)
          for (const auto& r : rules)
            observed_[pass] = observed_[pass] || mango::detail::observes_survey<Chain, Pass>(r);
        needed_[pass] = Kernels::template writes<Pass> || observed_[pass];
      });
  }

  void decide_on(const step_args& args, segment items, segment parts, bool batched, std::int64_t attempt,
                 cudaStream_t stream) const {
    auto* const tallies = tables_.tallies() + parts.first;
    if (looks_)
      launch("looking at gradients", measures_ ? &look<true> : &look<false>, parts.count, block_size, stream,
             tables_.look.on_device.data(), tables_.look.parts.data() + parts.first, tallies);
    const decision d{tables_.indices() + items.first,
                     items.count,
                     looks_ ? tallies : nullptr,
                     parts.count,
                     args.learning_rate,
                     args.gradient_scale,
                     attempt,
                     batched,
                     measures_,
                     raises_};
    launch("deciding on a step", &decide<Chain>, 1, detail::decide_threads, stream, d, counters_.data(), rules_.data(),
           groups_.data(), updates_.data(), learners_.memories(), frames_.data());
  }
  void finish(int pass, segment s, cudaStream_t stream) const {
    const auto& table = tables_.finish[pass];
    launch("finishing factored slots", &finish_slots<Chain>, s.count, block_size, stream, table.on_device.data(),
           table.parts.data() + s.first, frames_.data());
  }
  bool looks_before(int pass) const { return pass == Kernels::passes - 1 && learners_.observe(); }
  void learn_with(segment items, cudaStream_t stream) const {
    learners_.learn(tables_.learned() + items.first, items.count, rules_.data(), groups_.data(), frames_.data(),
                    stream);
  }
  void settle_with(int pass, segment items, cudaStream_t stream) const {
    mango::detail::with_pass<Kernels::passes - 1>(pass, [&]<int Pass>() {
      if constexpr (Pass < Kernels::passes - 1)
        if (observed_[Pass])
          launch("settling a survey", &settle<Chain, Pass>, items.count, block_size, stream,
                 tables_.settled() + items.first, rules_.data(), groups_.data(), frames_.data());
    });
  }

  work_tables tables_;
  list<std::size_t> item_of_;  // where a tensor is among those that a step moves
  device_array<device_counters> counters_;
  device_array<std::int64_t> updates_;  // of every tensor
  device_array<std::uint32_t> groups_;
  device_array<Chain> rules_;
  device_array<folded<Chain>> frames_;
  learners<Chain> learners_;
  std::uint64_t seed_ = 0;
  bool measures_ = false, looks_ = false, raises_ = false;
  bool observed_[work_tables::most_passes] = {}, needed_[work_tables::most_passes] = {};
  index_t without_gradient_ = 0;
};

}  // namespace mango::inline MANGO_ABI::cuda
