// AdamW over factored state beside AdamW over fp32 state, and beside a bare p <- p + s g: the same p and g, read and
// written once, and one multiplication. Gradients are unchecked: what is compared is the pass.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <string>

#include "interleaved.hpp"
#include "mango/backend/threads.hpp"
#include "mango/optim/adamw.hpp"
#include "mango/optim/smmf.hpp"

namespace {

using mango::index_t;
using mango::packet;

struct row {
  std::string name;
  index_t rows, columns;
  int threads;
  double ours, fp32, bare, times_as_fast, against_bare;  // ns per parameter; medians of ratios
};
std::vector<row> table;  // what main() prints at the end

void bare(float* p, const float* g, float s, index_t begin, index_t end) {
  index_t i = begin;
  for (; i + packet::lanes <= end; i += packet::lanes) mango::save(p + i, mango::load(p + i) + mango::load(g + i) * s);
  for (; i < end; ++i) p[i] += s * g[i];
}

// One optimizer with one matrix.
template <class Optimizer> class contender {
 public:
  contender(index_t rows, index_t columns, mango::threads& pool, const typename Optimizer::config& c)
      : n_(rows * columns),
        pool_(&pool),
        opt_(c, mango::host{pool}),
        p_(static_cast<std::size_t>(n_)),
        g_(p_.size()),
        w_(opt_.add("w", {.shape = {rows, columns}})) {
    bench::fill(p_, g_);
  }
  void step() {
    const auto token = opt_.begin_step();
    token.update(w_, p_, g_);
  }
  void step_bare() {
    (*pool_)(mango::chunk_count(n_), [this](index_t c) {
      bare(p_.data(), g_.data(), scale_, c * mango::chunk_elements, std::min(n_, (c + 1) * mango::chunk_elements));
    });
  }

 private:
  index_t n_;
  mango::threads* pool_;
  Optimizer opt_;
  std::vector<float> p_, g_;
  mango::tensor_id w_;
  volatile float scale_ = 1e-6f;
};

template <class Optimizer>
void step(benchmark::State& state, const char* name, const typename Optimizer::config& config) {
  const index_t rows = state.range(0), columns = state.range(1);
  mango::threads pool(static_cast<int>(state.range(2)));
  contender<Optimizer> it(rows, columns, pool, config);
  contender<mango::adamw<>> dense(rows, columns, pool, {.options = config.options});
  std::vector<double> ours, fp32, least;
  it.step(), it.step_bare(), dense.step();
  for (auto _ : state) {
    ours.push_back(bench::seconds(1, [&] { it.step(); }));
    fp32.push_back(bench::seconds(1, [&] { dense.step(); }));
    least.push_back(bench::seconds(1, [&] { it.step_bare(); }));
    state.SetIterationTime(ours.back());
  }
  const double each = 1e9 / static_cast<double>(rows * columns);
  table.push_back({name, rows, columns, static_cast<int>(state.range(2)), bench::median(ours) * each,
                   bench::median(fp32) * each, bench::median(least) * each, bench::ratio(fp32, ours),
                   bench::ratio(ours, least)});
  state.counters["ns/param"] = table.back().ours;
  state.counters["of_fp32"] = table.back().times_as_fast;
  state.counters["of_bare"] = table.back().against_bare;
}

void print_table() {
  std::printf(
      "\n| optimizer | matrix | threads | ns/param | fp32 AdamW | times as fast | p + s g | ours / that |\n"
      "|---|---|---|---|---|---|---|---|\n");
  for (const row& r : table)
    std::printf("| %s | %td x %td | %d | %.3f | %.3f | %.2f | %.3f | %.2f |\n", r.name.c_str(), r.rows, r.columns,
                r.threads, r.ours, r.fp32, r.times_as_fast, r.bare, r.against_bare);
}

template <class Optimizer> void add(const char* name, typename Optimizer::config c) {
  c.options.on_nonfinite = mango::nonfinite::unchecked;
  benchmark::RegisterBenchmark(name, [name, c](benchmark::State& s) { step<Optimizer>(s, name, c); })
      ->ArgNames({"rows", "columns", "threads"})
      ->Args({4096, 4096, 1})
      ->Args({4096, 4096, 2})
      ->Args({16384, 1024, 1})
      ->Args({16384, 1024, 2})
      ->UseManualTime()
      ->Iterations(31)
      ->Unit(benchmark::kMillisecond);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace mango;
  add<adamw<stores<factored<>, factored<>>>>("AdamW, factored", {});
  add<smmf<>>("SMMF", {});
  add<smmf<stores<factored<>>>>("SMMF without momentum", {.beta = 0});
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  print_table();
}
