// AdamW with its state in a file (backend/paged.hpp) beside the same with its state in memory, in one run
// (interleaved.hpp). The files are below TMPDIR; they fit in the system's cache, so what is measured is the price of
// mapping and unmapping, and with `eager` of writing all state to the disk in every step.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "interleaved.hpp"
#include "mango/backend/paged.hpp"
#include "mango/backend/threads.hpp"
#include "mango/optim/adamw.hpp"

namespace {

using mango::index_t;

enum mode { fits, eighth, eighth_eager };
const char* const mode_names[] = {"all", "an eighth", "an eighth, written in every step"};
struct row {
  const char* stores;
  index_t n;
  int threads;
  mode how;
  double resident, paged, ratio;  // ns per parameter, medians; the median of per-round ratios
};
std::vector<row> table;  // what main() prints at the end

// One optimizer over one tensor; every contender has arrays of its own.
template <class Stores, class Backend> class contender {
 public:
  contender(index_t n, const Backend& backend) : opt_({}, backend), p_(static_cast<std::size_t>(n)), g_(p_.size()) {
    bench::fill(p_, g_);
    opt_.add("w", {.shape = {n}}, p_, g_);
    for (int k = 0; k < 2; ++k) opt_.step();  // every page of the file has been written once
  }
  double step() {
    seconds_.push_back(bench::seconds(1, [this] { opt_.step(); }));
    return seconds_.back();
  }
  const std::vector<double>& seconds() const { return seconds_; }

 private:
  mango::adamw<Stores, Backend> opt_;
  std::vector<float> p_, g_;
  std::vector<double> seconds_;
};

template <class Stores> void paged_step(benchmark::State& state, const char* name) {
  const index_t n = state.range(0);
  const auto how = static_cast<mode>(state.range(2));
  mango::threads pool(static_cast<int>(state.range(1)));
  const mango::host loop(pool);
  const std::size_t bytes = mango::adamw<Stores>::state_bytes({.shape = {n}});
  const mango::paged_options options{
      .resident_bytes = how == fits ? bytes : bytes / 8,
      .written = how == eighth_eager ? mango::write_back::eager : mango::write_back::automatic};
  contender<Stores, mango::host> resident(n, loop);
  const mango::paged backend(std::filesystem::temp_directory_path().string(), options, loop);
  contender<Stores, mango::paged> paged(n, backend);
  for (auto _ : state) {
    resident.step();
    state.SetIterationTime(paged.step());
  }
  const double each = 1e9 / static_cast<double>(n);
  table.push_back({name, n, pool.size(), how, bench::median(resident.seconds()) * each,
                   bench::median(paged.seconds()) * each, bench::ratio(paged.seconds(), resident.seconds())});
  state.counters["ns/param"] = table.back().paged;
  state.counters["of_resident"] = table.back().ratio;
}
void fp32(benchmark::State& state) { paged_step<mango::stores<mango::fp32, mango::fp32>>(state, "fp32"); }
void bf16(benchmark::State& state) { paged_step<mango::stores<mango::bf16, mango::bf16>>(state, "bf16"); }

void print_table() {
  std::printf(
      "\n| state | parameters | threads | mapped at once | in memory ns/param | in a file ns/param | ratio |\n"
      "|---|---|---|---|---|---|---|\n");
  for (const row& r : table)
    std::printf("| %s | 2^%d | %d | %s | %.3f | %.3f | %.2f |\n", r.stores,
                static_cast<int>(std::lround(std::log2(static_cast<double>(r.n)))), r.threads, mode_names[r.how],
                r.resident, r.paged, r.ratio);
}

void arguments(benchmark::internal::Benchmark* b, std::vector<std::int64_t> sizes) {
  b->ArgNames({"n", "threads", "mode"})->ArgsProduct({sizes, {1, 2}, {fits, eighth, eighth_eager}});
  b->UseManualTime()->Iterations(21)->Unit(benchmark::kMillisecond);
}
BENCHMARK(fp32)->Apply([](auto* b) { arguments(b, {1 << 20, 1 << 24, 1 << 26}); });
BENCHMARK(bf16)->Apply([](auto* b) { arguments(b, {1 << 24}); });

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  print_table();
}
