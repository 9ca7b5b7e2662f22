#pragma once
// What kernels read of all bound tensors: jobs, and for every block of threads which part of which job it is. It is
// built when something has been bound; a step only launches.
#include <vector>

#include "mango/cuda/device_array.hpp"
#include "mango/cuda/kind.cuh"
#include "mango/cuda/look.cuh"

namespace mango::inline MANGO_ABI::cuda {

/// Parts [first, first + count) of a table.
struct segment {
  index_t first = 0, count = 0;
};

/// Blocks of threads, tensor by tensor, in runs of tensors that share the scratch.
class part_table {
 public:
  segment append(std::uint32_t job, index_t parts) {
    const auto first = static_cast<index_t>(parts_.size());
    for (index_t p = 0; p < parts; ++p) parts_.push_back({job, static_cast<std::uint32_t>(p)});
    return {first, parts};
  }
  void begin_run() { starts_.push_back(static_cast<index_t>(parts_.size())); }
  /// The parts of run r; of a run that nothing was appended to, none.
  segment of_run(std::size_t r) const {
    const index_t first = starts_[r],
                  end = r + 1 < starts_.size() ? starts_[r + 1] : static_cast<index_t>(parts_.size());
    return {first, end - first};
  }
  segment all() const { return {0, static_cast<index_t>(parts_.size())}; }
  const part_of_job* data() const { return on_device_.data(); }
  std::size_t bytes() const { return on_device_.bytes(); }
  void upload(const device& where) { on_device_.assign(parts_, where); }
  void clear() { parts_.clear(), starts_.clear(); }

 private:
  list<part_of_job> parts_;
  list<index_t> starts_;
  device_array<part_of_job> on_device_;
};

/// A table with the jobs that its parts belong to.
template <class Job> struct job_table {
  list<Job> jobs;
  device_array<Job> on_device;
  part_table parts;

  segment append(const Job& j, index_t count) {
    jobs.push_back(j);
    return parts.append(static_cast<std::uint32_t>(jobs.size() - 1), count);
  }
  void upload(const device& where) { on_device.assign(jobs, where), parts.upload(where); }
  void clear() { jobs.clear(), parts.clear(); }
  std::size_t bytes() const { return on_device.bytes() + parts.bytes(); }
};

/// A tensor that a step moves.
struct bound_tensor {
  const mango::detail::tensor_record* record;
  const kind_functions* kind;
  std::uint32_t index;  // in the optimizer
  bool wide;            // all its arrays are aligned to 16 bytes
};

/// The tables of all bound tensors.
class work_tables {
 public:
  /// Tensors of one launch have scratch of their own; more than this they do not take together, unless one does alone.
  static constexpr std::size_t scratch_of_run = std::size_t{64} << 20;
  static constexpr int most_passes = 4;

  /// Where one tensor is in every table.
  struct place {
    std::size_t kind = 0, run = 0, item = 0, job = 0;
    segment parts, observed, look, finish[most_passes];
  };

  void build(const std::vector<bound_tensor>& tensors, int passes, const device& where) {
    clear();
    place_all(tensors);
    scratch_.reserve(scratch_bytes_, where);
    arrived_.reserve(tensors.size() * slots_at_most, where);
    for (std::size_t i = 0, run = ~std::size_t{0}; i < tensors.size(); ++i) {
      if (places_[i].run != run) run = places_[i].run, begin_run(i);
      append(tensors[i], i, passes);
    }
    run_starts_.push_back(static_cast<index_t>(tensors.size()));
    for (auto& k : kinds_) k.upload(where);
    look.upload(where);
    for (auto& f : finish) f.upload(where);
    settle_on_device_.assign(settle_, where);
    learn_on_device_.assign(learn_, where);
    items_.assign(indices_, where);
    tallies_.reserve(static_cast<std::size_t>(look.parts.all().count), where);
  }

  /// The same tensor, whose parameter and gradient lie elsewhere now.
  void move(std::size_t item, const bound_tensor& b, const device& where) {
    const place& p = places_[item];
    const auto& t = *b.record;
    auto& k = kinds_[p.kind];
    const std::size_t bytes = b.kind->job_bytes;
    b.kind->fill(k.jobs.data() + p.job * bytes, t, t.bound, b.index, b.wide, b.kind->scratch(t, b.wide),
                 scratch_.data() + offsets_[item]);
    k.on_device.overwrite(p.job * bytes, k.jobs.data() + p.job * bytes, bytes, where);
    look.jobs[item].array = t.bound.gradient;
    look.on_device.overwrite(item, &look.jobs[item], 1, where);
  }

  std::size_t runs() const { return run_starts_.empty() ? 0 : run_starts_.size() - 1; }
  segment items_of(std::size_t run) const { return {run_starts_[run], run_starts_[run + 1] - run_starts_[run]}; }
  const place& at(std::size_t item) const { return places_[item]; }
  std::size_t size() const { return places_.size(); }
  const std::uint32_t* indices() const { return items_.data(); }
  const settle_job* settled() const { return settle_on_device_.data(); }
  const settle_job* learned() const { return learn_on_device_.data(); }
  part_tally* tallies() const { return tallies_.data(); }
  /// Everything here, in bytes of the device.
  std::size_t bytes() const {
    std::size_t all = scratch_.bytes() + arrived_.bytes() + settle_on_device_.bytes() + learn_on_device_.bytes() +
                      items_.bytes() + tallies_.bytes() + look.bytes();
    for (const auto& k : kinds_) all += k.on_device.bytes() + k.parts.bytes() + k.observed.bytes();
    for (const auto& f : finish) all += f.bytes();
    return all;
  }

  /// One pass over the parts of run `run`, or of one tensor alone.
  void run(int pass, std::size_t run, const void* frames, std::uint64_t seed, cudaStream_t stream) const {
    for (const auto& k : kinds_) launch_kind(k, k.parts.of_run(run), pass, frames, seed, stream);
  }
  void run_one(int pass, const place& p, const void* frames, std::uint64_t seed, cudaStream_t stream) const {
    launch_kind(kinds_[p.kind], p.parts, pass, frames, seed, stream);
  }
  /// What learning rules look at before the last pass.
  void observe(std::size_t run, const void* frames, cudaStream_t stream) const {
    for (const auto& k : kinds_) observe_kind(k, k.observed.of_run(run), frames, stream);
  }
  void observe_one(const place& p, const void* frames, cudaStream_t stream) const {
    observe_kind(kinds_[p.kind], p.observed, frames, stream);
  }

  job_table<look_job> look;
  job_table<finish_job> finish[most_passes];

 private:
  static constexpr std::size_t slots_at_most = 8;
  struct kind_table {
    const kind_functions* functions;
    std::vector<std::byte> jobs;
    device_array<std::byte> on_device;
    part_table parts, observed;
    void upload(const device& where) {
      on_device.assign(jobs.data(), jobs.size(), where);
      parts.upload(where), observed.upload(where);
    }
  };

  void clear() {
    kinds_.clear(), places_.clear(), run_starts_.clear(), settle_.clear(), learn_.clear(), indices_.clear();
    look.clear();
    for (auto& f : finish) f.clear();
  }
  // kinds, runs and scratch of all tensors
  void place_all(const std::vector<bound_tensor>& tensors) {
    std::size_t used = 0, run = 0;
    scratch_bytes_ = 0;
    for (const auto& t : tensors) {
      place p;
      while (p.kind < kinds_.size() && kinds_[p.kind].functions != t.kind) ++p.kind;
      if (p.kind == kinds_.size()) kinds_.push_back({t.kind, {}, {}, {}, {}});
      const std::size_t needs = t.kind->scratch(*t.record, t.wide).end;
      if (used > 0 && used + needs > scratch_of_run) ++run, used = 0;
      p.run = run;
      offsets_.resize(places_.size() + 1);
      offsets_[places_.size()] = used;
      used += needs;
      scratch_bytes_ = used > scratch_bytes_ ? used : scratch_bytes_;
      places_.push_back(p);
    }
  }
  void begin_run(std::size_t first) {
    run_starts_.push_back(static_cast<index_t>(first));
    for (auto& k : kinds_) k.parts.begin_run(), k.observed.begin_run();
    for (auto& f : finish) f.parts.begin_run();
  }
  void append(const bound_tensor& b, std::size_t i, int passes) {
    place& p = places_[i];
    const auto& t = *b.record;
    auto& k = kinds_[p.kind];
    const scratch_place s = b.kind->scratch(t, b.wide);
    std::byte* const scratch = scratch_.data() + offsets_[i];
    const auto number = static_cast<std::uint32_t>(k.jobs.size() / b.kind->job_bytes);
    k.jobs.resize(k.jobs.size() + b.kind->job_bytes);
    b.kind->fill(k.jobs.data() + number * b.kind->job_bytes, t, t.bound, b.index, b.wide, s, scratch);
    p.parts = k.parts.append(number, b.kind->parts(t, b.wide));
    p.observed = k.observed.append(number, b.kind->parts_to_observe(t));
    p.item = i;
    p.job = number;
    p.look = look.append({t.bound.gradient, t.elements(), t.bound.gradient_type, b.wide},
                         (t.elements() + look_part - 1) / look_part);
    indices_.push_back(b.index);
    settle_.push_back({reinterpret_cast<const double*>(scratch + s.observed), p.parts.count, t.elements(), b.index});
    learn_.push_back({reinterpret_cast<const double*>(scratch + s.learned), p.observed.count, t.elements(), b.index});
    for (int pass = 0; pass < passes && t.elements() > 0; ++pass) {
      list<finish_job> jobs;
      b.kind->finish(jobs, pass, t, b.index, b.wide, s, scratch, arrived_.data() + i * slots_at_most);
      segment& all = p.finish[pass];
      for (const auto& j : jobs) {
        const segment own = finish[pass].append(j, j.parts());
        all = {all.count > 0 ? all.first : own.first, all.count + own.count};
      }
    }
  }
  static void launch_kind(const kind_table& k, segment s, int pass, const void* frames, std::uint64_t seed,
                          cudaStream_t stream) {
    k.functions->run(pass, {k.on_device.data(), k.parts.data() + s.first, s.count, frames, seed, stream});
  }
  static void observe_kind(const kind_table& k, segment s, const void* frames, cudaStream_t stream) {
    k.functions->observe({k.on_device.data(), k.observed.data() + s.first, s.count, frames, 0, stream});
  }

  std::vector<kind_table> kinds_;
  std::vector<place> places_;
  std::vector<std::size_t> offsets_;
  list<index_t> run_starts_;
  list<settle_job> settle_, learn_;
  list<std::uint32_t> indices_;
  device_array<std::byte> scratch_;
  device_array<unsigned> arrived_;
  device_array<settle_job> settle_on_device_, learn_on_device_;
  device_array<std::uint32_t> items_;
  device_array<part_tally> tallies_;
  std::size_t scratch_bytes_ = 0;
};

}  // namespace mango::inline MANGO_ABI::cuda
