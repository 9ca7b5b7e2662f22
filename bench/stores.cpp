// What a store costs: AdamW over every store beside fp32 AdamW and beside a loop that moves the same bytes and computes
// nothing, in one run (interleaved.hpp). Gradients are unchecked: what is compared is the pass.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdio>
#include <memory>
#include <string>

#include "interleaved.hpp"
#include "mango/backend/threads.hpp"
#include "mango/optim/adamw.hpp"
#include "mango/store/dynamic8.hpp"
#include "mango/store/factored.hpp"
#include "mango/store/linear4.hpp"
#include "mango/store/nf4.hpp"

namespace {

using mango::index_t;
using mango::packet;

struct row {
  std::string store;
  index_t n;
  int threads;
  double bytes, ours, share_of_roof, against_fp32;  // bytes moved per parameter; ns per parameter; medians of ratios
};
std::vector<row> table;  // what main() prints at the end

// Reads words and writes them back as they were, through an exclusive or with a zero the compiler cannot see.
void rewrite(float* x, index_t begin, index_t end, std::uint32_t zero) {
  const packet::bits nothing = packet::bits{} + zero;
  index_t i = begin;
  for (; i + packet::lanes <= end; i += packet::lanes)
    mango::save(x + i, mango::from_bits(mango::load_bits(x + i) ^ nothing));
}
void move_bytes(float* p, const float* g, index_t begin, index_t end, std::uint32_t zero) {
  const packet::bits nothing = packet::bits{} + zero;
  for (index_t i = begin; i + packet::lanes <= end; i += packet::lanes)
    mango::save(p + i, mango::from_bits(mango::load_bits(p + i) ^ (mango::load_bits(g + i) & nothing)));
}

// One optimizer with one matrix, and memory of the same size to move.
template <class Stores> class contender {
 public:
  contender(index_t rows, index_t columns, mango::threads& pool)
      : n_(rows * columns),
        pool_(&pool),
        opt_({.options = {.on_nonfinite = mango::nonfinite::unchecked}}, mango::host{pool}),
        p_(static_cast<std::size_t>(n_)),
        g_(p_.size()),
        w_(opt_.add("w", {.shape = {rows, columns}})),
        state_((opt_.state_bytes() + 3) / 4) {
    bench::fill(p_, g_);
  }
  void step() {
    const auto token = opt_.begin_step();
    token.update(w_, p_, g_);
  }
  void traffic() {
    (*pool_)(mango::chunk_count(n_), [this](index_t c) {
      const index_t chunks = mango::chunk_count(n_), words = static_cast<index_t>(state_.size());
      move_bytes(p_.data(), g_.data(), c * n_ / chunks, (c + 1) * n_ / chunks, zero_);
      rewrite(state_.data(), c * words / chunks, (c + 1) * words / chunks, zero_);
    });
  }
  double bytes() const { return 12 + 2 * static_cast<double>(opt_.state_bytes()) / static_cast<double>(n_); }

 private:
  index_t n_;
  mango::threads* pool_;
  mango::adamw<Stores, mango::host> opt_;
  std::vector<float> p_, g_;
  mango::tensor_id w_;
  std::vector<float> state_;
  volatile std::uint32_t zero_ = 0;
};

template <class Stores> void store(benchmark::State& state, const char* name) {
  const index_t rows = state.range(0), columns = state.range(1), n = rows * columns;
  mango::threads pool(static_cast<int>(state.range(2)));
  contender<Stores> it(rows, columns, pool);
  contender<mango::stores<mango::fp32, mango::fp32>> fp32(rows, columns, pool);
  const int repetitions = static_cast<int>(std::max<index_t>(1, (index_t{1} << 22) / n));
  std::vector<double> ours, traffic, base;
  it.step(), it.traffic(), fp32.step();
  for (auto _ : state) {
    ours.push_back(bench::seconds(repetitions, [&] { it.step(); }));
    traffic.push_back(bench::seconds(repetitions, [&] { it.traffic(); }));
    base.push_back(bench::seconds(repetitions, [&] { fp32.step(); }));
    state.SetIterationTime(ours.back());
  }
  const row r{name,
              n,
              static_cast<int>(state.range(2)),
              it.bytes(),
              bench::median(ours) * 1e9 / static_cast<double>(n),
              bench::ratio(traffic, ours),
              bench::ratio(base, ours)};
  table.push_back(r);
  state.counters["ns/param"] = r.ours;
  state.counters["of_roof"] = r.share_of_roof;
  state.counters["of_fp32"] = r.against_fp32;
}

void print_table() {
  std::printf(
      "\n| AdamW over | parameters | threads | bytes moved per parameter | ns/param | GB/s | share of the speed of "
      "moving them | times as fast as fp32 |\n|---|---|---|---|---|---|---|---|\n");
  for (const row& r : table)
    std::printf("| %s | 2^%d | %d | %.2f | %.3f | %.1f | %.2f | %.2f |\n", r.store.c_str(),
                static_cast<int>(std::lround(std::log2(static_cast<double>(r.n)))), r.threads, r.bytes, r.ours,
                r.bytes / r.ours, r.share_of_roof, r.against_fp32);
}

template <class Stores> void add(const char* name) {
  benchmark::RegisterBenchmark(name, [name](benchmark::State& s) { store<Stores>(s, name); })
      ->ArgNames({"rows", "columns", "threads"})
      ->Args({256, 256, 1})
      ->Args({4096, 4096, 1})
      ->Args({4096, 4096, 2})
      ->UseManualTime()
      ->Iterations(21)
      ->Unit(benchmark::kMillisecond);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace mango;
  add<stores<fp32, fp32>>("fp32");
  add<stores<bf16, bf16>>("bf16");
  add<stores<kahan, kahan>>("kahan");
  add<stores<dynamic8<>, dynamic8<>>>("dynamic8");
  add<stores<nf4<>, nf4<>>>("nf4");
  add<stores<linear4<>, linear4<>>>("linear4");
  add<stores<factored<>, factored<>>>("factored");
  add<stores<fp32, factored<>>>("fp32, factored");
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  print_table();
}
