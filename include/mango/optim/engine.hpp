#pragma once
// A step, type-erased: validate, look at every gradient, then commit. Nothing is written before all has been read.
// Rules, stores and element types come in as a few functions, so this is compiled once per program, not per optimizer.
#include "mango/optim/engine_functions.hpp"
#include "mango/optim/inspect.hpp"
#include "mango/optim/registry.hpp"
#include "mango/optim/work.hpp"

namespace mango::inline MANGO_ABI {

namespace detail {
struct staged;
}

/// What an optimizer does with its tensors, whatever its rules and stores; see `optimizer`.
class engine : public tensor_registry {
  friend detail::staged;

 protected:
  engine(const optimizer_options& options, const detail::engine_functions& its)
      : tensor_registry(options), its_(&its) {}
  engine(engine&&) = default;
  engine& operator=(engine&&) = default;
  ~engine() = default;

  bool measures() const { return its_->measures(*this); }

  __attribute__((noinline)) detail::step_clock clock(const step_args& args) {
    detail::check_args(args);
    require_environment();
    if (its_->share) its_->share(*this);
    return {counters_.steps + 1, ++attempts_, args};
  }

  /// One tensor, from its gradient or its accumulator. False: skipped.
  __attribute__((noinline)) bool update(const detail::step_clock& clock, tensor_id id, const detail::operands& o,
                                        detail::chunk_function run, const detail::gradient_functions& access) {
    auto& t = record(id);
    const detail::at_work_on mine(occupancy_, t.occupancy, t.name);
    if (t.updated_in == clock.attempt) detail::refuse(errc::order, t.name, "it was updated in this step already", 1, 2);
    const bool measured = measures() && t.measured_in == clock.attempt;  // a skipped step has emptied the accumulators
    if (t.measured_in == clock.attempt && options_.accumulate && o.gradient)
      detail::refuse(errc::order, t.name,
                     "it was measured, so its gradient is in the accumulator: call update(id, parameter)", 0,
                     t.elements());
    if (!measured && !o.gradient && !t.accumulating && t.elements() > 0)
      detail::refuse(errc::order, t.name, "nothing has been accumulated for it", 1, 0);
    tally all;
    if (measured) all = __atomic_load_n(&norm_of_step_, __ATOMIC_ACQUIRE)(*this, clock);
    else if (measures()) detail::refuse_unmeasured(t);
    else if (checks()) {
      all.nonfinite = inspect(t, o, access, false).nonfinite;
      if (all.nonfinite && raises()) detail::refuse_nonfinite(t, o, access);
      if (all.nonfinite) detail::increment(counters_.skipped_updates);
    }
    if (all.nonfinite) return skip(clock, t);
    its_->fold(*this, id.index, clock, all.squared_norm);
    if (its_->move_one) its_->move_one(*this, id.index, o, run);
    else each_chunk(t.layout.chunks, [&](index_t c) { run(this, id.index, o, c, 0); });
    committed(clock, t);
    advance(clock);
    return true;
  }

  /// The first phase of a two-phase step.
  void measure(const detail::step_clock& clock, tensor_id id, const void* gradient,
               const detail::gradient_functions& access) {
    auto& t = record(id);
    const detail::at_work_on mine(occupancy_, t.occupancy, t.name);
    if (t.measured_in == clock.attempt)
      detail::refuse(errc::order, t.name, "it was measured in this step already", 1, 2);
    if (detail::load(norm_.attempt) == clock.attempt)
      detail::refuse(errc::order, t.name, "it is measured after the first update of the step, which has used the norm",
                     0, 1);
    detail::operands o;
    o.gradient = gradient;
    const tally seen = inspect(t, o, access, true);
    if (seen.nonfinite && raises()) detail::refuse_nonfinite(t, o, access);
    if (options_.accumulate) add(t, gradient, access);
    t.measured = seen;
    t.measured_in = clock.attempt;
    __atomic_store_n(&norm_of_step_, static_cast<norm_function>([](engine& e, const detail::step_clock& c) {
      return e.norm_of_step(c);
    }),
                     __ATOMIC_RELEASE);
  }

  /// One micro-batch more.
  void accumulate(tensor_id id, const void* gradient, const detail::gradient_functions& access) {
    auto& t = record(id);
    const detail::at_work_on mine(occupancy_, t.occupancy, t.name);
    require_accumulator(t);
    detail::operands o;
    o.gradient = gradient;
    if (raises() && inspect(t, o, access, false).nonfinite) detail::refuse_nonfinite(t, o, access);
    add(t, gradient, access);
  }

  /// Every bound tensor: each sweep is one parallel loop over the chunks of all.
  step_report batch(const detail::step_clock& clock) {
    step_report report;
    plan_work(report);
    if (work_.empty()) return report;
    const bool norm = measures();
    tally all;
    if (norm || checks()) {
      all = detail::scaled(look(norm), clock.args.gradient_scale);
      report.gradient_norm = norm ? __builtin_sqrt(all.squared_norm) : 0;
      if (all.nonfinite) return refuse_or_skip(report);
    }
    for (const auto& w : work_) its_->fold(*this, w.tensor, clock, all.squared_norm);
    if (its_->move_all) its_->move_all(*this);
    else run_all(0, work_.size(), 0);
    for (const auto& w : work_) committed(clock, *tensors_[w.tensor]);
    report.updated = static_cast<index_t>(work_.size());
    advance(clock);
    return report;
  }

  void require_accumulator(const detail::tensor_record& t) const {
    if (!options_.accumulate)
      detail::refuse(errc::order, t.name,
                     "it has no accumulator: construct the optimizer with .options.accumulate = true", 1, 0);
  }

  __attribute__((noinline)) void bind_erased(tensor_id id, const detail::extent& p, const detail::extent& g,
                                             std::span<float> master, detail::chunk_function run,
                                             const detail::gradient_functions& access,
                                             const detail::gradient_functions& of_parameter) {
    auto& t = record(id);
    const bool has_gradient = g.count > 0 || t.elements() == 0;
    const detail::operands o = detail::check_operands(t, p, has_gradient ? g : detail::extent{}, master);
    for (const auto* other : tensors_)
      if (other != &t) detail::check_apart(t, o, *other, other->bound);
    if (options_.check_parameters) {
      if (o.parameter != t.bound.parameter) require_finite(t, "parameter", o.parameter, of_parameter);
      if (o.master && o.master != t.bound.master)
        require_finite(t, "master copy", o.master, detail::gradient_access<float>::functions);
    }
    t.bound = o;
    t.bound_gradient = has_gradient;
    t.access = access;
    t.run = run;
  }

  detail::work_list work_;  // the tensors of a batched step

 private:
  bool checks() const { return options_.on_nonfinite != nonfinite::unchecked; }
  bool raises() const { return options_.on_nonfinite == nonfinite::raise; }

  template <class F> void each_chunk(index_t n, const F& f) const {
    its_->parallel(*this, n, task{const_cast<void*>(static_cast<const void*>(&f)), [](void* context, index_t i) {
                                    (*static_cast<const F*>(context))(i);
                                  }});
  }

  tally inspect(detail::tensor_record& t, const detail::operands& o, const detail::gradient_functions& access,
                bool norm) {
    return inspect(t, detail::sum_of_batches(t, o), o.gradient, access, norm);
  }
  tally inspect(detail::tensor_record& t, const float* sum, const void* x, const detail::gradient_functions& access,
                bool norm) {
    each_chunk(t.chunks(), [&](index_t c) {
      t.chunk_tallies[static_cast<std::size_t>(c)] = detail::inspect_chunk(t, sum, x, access, c, norm);
    });
    return detail::sum_of(t);
  }
  void require_finite(detail::tensor_record& t, const char* what, const void* x,
                      const detail::gradient_functions& of_its_type) {
    if (t.elements() > 0 && inspect(t, nullptr, x, of_its_type, false).nonfinite)
      refuse_parameter(t, what, detail::first_bad(nullptr, x, of_its_type));
  }
  void add(detail::tensor_record& t, const void* gradient, const detail::gradient_functions& access) {
    each_chunk(t.chunks(),
               [&](index_t c) { access.add(t.accumulator, gradient, c * chunk_elements, detail::chunk_end(t, c)); });
    t.accumulating = true;
  }

  void committed(const detail::step_clock& clock, detail::tensor_record& t) {
    ++t.updates;
    t.updated_in = clock.attempt;
    t.accumulating = false;
  }
  void advance(const detail::step_clock& clock) {
    detail::store(counters_.steps, clock.number);
    detail::store(counters_.consecutive_skips, 0);
  }
  static void drop_accumulated(detail::tensor_record& t) {
    if (t.accumulating && t.elements() > 0)
      std::memset(t.accumulator, 0, static_cast<std::size_t>(t.elements()) * sizeof(float));
    t.accumulating = false;
  }
  bool skip(const detail::step_clock& clock, detail::tensor_record& t) {
    t.updated_in = clock.attempt;
    if (measures()) return false;  // counted, and its accumulator emptied, when the norm was found bad
    drop_accumulated(t);
    count_skip();
    return false;
  }
  void count_skip() {
    const auto row = detail::increment(counters_.consecutive_skips), most = options_.max_consecutive_skips;
    if (most > 0 && row >= most)
      raise(errc::nonfinite,
            "skipped for a non-finite gradient {got} times in a row, and max_consecutive_skips is {expected}", most,
            row);
  }

  // the sum over all measured tensors, in order of registration, whatever the order of the measure() calls; computed by
  // the first update that asks, while others that come at the same time wait
  tally norm_of_step(const detail::step_clock& clock) {
    std::int64_t seen = detail::load(norm_.attempt);
    if (seen == clock.attempt) return norm_.value;
    if (seen == -clock.attempt || !__atomic_compare_exchange_n(&norm_.attempt, &seen, -clock.attempt, false,
                                                               __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
      while (detail::load(norm_.attempt) != clock.attempt) {}
      return norm_.value;
    }
    tally all;
    for (const auto* t : tensors_)
      if (t->measured_in == clock.attempt) detail::add_to(all, t->measured);
    norm_.value = detail::scaled(all, clock.args.gradient_scale);
    if (norm_.value.nonfinite) {
      ++counters_.skipped_steps;
      for (auto* t : tensors_)
        if (t->measured_in == clock.attempt) drop_accumulated(*t);
    }
    detail::store(norm_.attempt, clock.attempt);
    if (norm_.value.nonfinite) count_skip();
    return norm_.value;
  }

  // lists the tensors that have something to apply
  void plan_work(step_report& report) {
    work_.clear();
    for (std::uint32_t i = 0; i < tensors_.size(); ++i) {
      const auto& t = *tensors_[i];
      if (!t.run) detail::refuse(errc::order, t.name, "step() needs it bound: call bind(), or use begin_step()", 1, 0);
      if (!t.bound_gradient && !t.accumulating) {
        ++report.without_gradient;
        continue;
      }
      work_.push_back({i, 0});
    }
  }

  // f(index of the tensor, chunk) for each of the chunks_of(tensor) chunks of the listed tensors [from, to)
  template <class Count, class F> void sweep(std::size_t from, std::size_t to, Count chunks_of, F f) {
    const index_t n = work_.number(from, to, [&](std::uint32_t i) { return chunks_of(*tensors_[i]); });
    each_chunk(n, [&, this](index_t c) {
      const detail::work_item w = work_.of_chunk(c, from, to);
      f(w.tensor, c - w.first);
    });
  }
  void run_all(std::size_t from, std::size_t to, int pass) {
    sweep(
        from, to, [](const detail::tensor_record& t) { return t.layout.chunks; },
        [this, pass](std::uint32_t i, index_t c) { tensors_[i]->run(this, i, tensors_[i]->bound, c, pass); });
  }

  tally look(bool norm) {
    sweep(
        0, work_.size(), [](const detail::tensor_record& t) { return t.chunks(); },
        [this, norm](std::uint32_t i, index_t c) {
          auto& t = *tensors_[i];
          t.chunk_tallies[static_cast<std::size_t>(c)] =
              detail::inspect_chunk(t, detail::sum_of_batches(t, t.bound), t.bound.gradient, t.access, c, norm);
        });
    tally all;
    for (const auto& w : work_) detail::add_to(all, tensors_[w.tensor]->measured = detail::sum_of(*tensors_[w.tensor]));
    return all;
  }
  step_report refuse_or_skip(step_report report) {
    for (const auto& w : work_) {
      const auto& t = *tensors_[w.tensor];
      if (raises() && t.measured.nonfinite) detail::refuse_nonfinite(t, t.bound, t.access);
    }
    for (const auto& w : work_) drop_accumulated(*tensors_[w.tensor]);
    ++counters_.skipped_steps;
    count_skip();
    report.applied = false;
    return report;
  }

  const detail::engine_functions* its_;
  detail::norm_cache norm_;
  // set by measure(), so that a program that never measures does not compile it
  using norm_function = tally (*)(engine&, const detail::step_clock&);
  norm_function norm_of_step_ = nullptr;
  std::int64_t attempts_ = 0;
};

}  // namespace mango
