// GaLore: a step beside the loop that only moves its memory, AdamW and two bare products; a refresh beside a step and
// beside a full decomposition. One run, taking turns (interleaved.hpp).
#include <benchmark/benchmark.h>

#include <Eigen/SVD>
#include <cmath>
#include <cstdio>
#include <vector>

#include "interleaved.hpp"
#include "mango/backend/threads.hpp"
#include "mango/optim/adamw.hpp"
#include "mango/optim/galore.hpp"

namespace {

using bench::median;
using bench::seconds;
using mango::index_t;
using mango::packet;
using mango::whole;

struct step_row {
  index_t rank;
  int threads;
  double galore, bare, adamw, products;  // ns per parameter; products 0: not asked
};
struct refresh_row {
  index_t size, rank;
  double cold, warm, step, decomposition;  // ms
};
std::vector<step_row> steps;
std::vector<refresh_row> refreshes;

constexpr mango::optimizer_options unchecked{.on_nonfinite = mango::nonfinite::unchecked};

// a square matrix of weights and its gradient, whose spectrum falls slowly
struct layer {
  index_t n;
  std::vector<float> w, g;
  explicit layer(index_t size) : n(size), w(static_cast<std::size_t>(n * n)), g(w.size()) {
    bench::fill(w, g);
    for (index_t i = 0; i < n; ++i)
      for (index_t j = 0; j < n; ++j)
        g[static_cast<std::size_t>(i * n + j)] +=
            1e-2f * static_cast<float>(std::sin(0.001 * static_cast<double>(i * j % 65537)));
  }
};

mango::galore<> galore_of(index_t rank, index_t every, mango::threads& pool) {
  return mango::galore<>{{.learning_rate = 1e-6,
                          .subspace = {.rank = rank, .refresh_every = every, .staggered = false},
                          .options = unchecked},
                         mango::eigen{pool}};
}

// p += s g over all of memory, as packets
void bare(layer& l, mango::threads& pool) {
  float* const p = l.w.data();
  const float* const g = l.g.data();
  pool(mango::chunk_count(l.n * l.n), [&](index_t c) {
    for (index_t i = c * mango::chunk_elements; i < (c + 1) * mango::chunk_elements; i += packet::lanes)
      mango::save(p, whole{i}, mango::load(static_cast<const float*>(p), whole{i}) + mango::load(g, whole{i}) * 1e-9f);
  });
}

using matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
// R = G Q^T and W += R Q
void two_products(layer& l, const matrix& q, matrix& r) {
  Eigen::Map<matrix> w(l.w.data(), l.n, l.n), g(l.g.data(), l.n, l.n);
  r.noalias() = g * q.transpose();
  w.noalias() += 1e-9f * r * q;
}

void step(benchmark::State& state) {
  const index_t n = 4096, rank = state.range(0);
  const int threads = static_cast<int>(state.range(1)), rounds = rank > 16 ? 7 : 21;
  for (auto _ : state) {
    layer l(n);
    mango::threads pool(threads);
    auto opt = galore_of(rank, 1'000'000'000, pool);
    mango::adamw<> adamw{{.learning_rate = 1e-6, .options = unchecked}, mango::host{pool}};
    const auto id = opt.add("w", {.shape = {n, n}}), other = adamw.add("w", {.shape = {n, n}});
    const matrix q = matrix::Constant(rank, n, 1e-2f);
    matrix r(n, rank);
    std::vector<double> t[4];
    opt.begin_step().update(id, l.w, l.g);
    adamw.begin_step().update(other, l.w, l.g);
    for (int i = 0; i < rounds; ++i) {
      t[0].push_back(seconds(1, [&] { opt.begin_step().update(id, l.w, l.g); }));
      t[1].push_back(seconds(1, [&] { bare(l, pool); }));
      t[2].push_back(seconds(1, [&] { adamw.begin_step().update(other, l.w, l.g); }));
      if (rank > 16 && threads == 1) t[3].push_back(seconds(1, [&] { two_products(l, q, r); }));
    }
    const double each = 1e9 / static_cast<double>(n * n);
    steps.push_back({rank, threads, median(t[0]) * each, median(t[1]) * each, median(t[2]) * each,
                     t[3].empty() ? 0 : median(t[3]) * each});
  }
}

void refresh(benchmark::State& state) {
  const index_t n = state.range(0), rank = state.range(1);
  for (auto _ : state) {
    layer l(n);
    mango::threads pool(1);
    std::vector<double> cold, warm, plain;
    const int rounds = rank > 16 ? 3 : 7;
    auto stays = galore_of(rank, 1'000'000'000, pool), moves = galore_of(rank, 1, pool);
    const auto a = stays.add("w", {.shape = {n, n}}), b = moves.add("w", {.shape = {n, n}});
    stays.begin_step().update(a, l.w, l.g);
    moves.begin_step().update(b, l.w, l.g);
    for (int i = 0; i < rounds; ++i) {
      auto fresh = galore_of(rank, 1, pool);
      const auto c = fresh.add("w", {.shape = {n, n}});
      plain.push_back(seconds(1, [&] { stays.begin_step().update(a, l.w, l.g); }));
      warm.push_back(seconds(1, [&] { moves.begin_step().update(b, l.w, l.g); }));
      cold.push_back(seconds(1, [&] { fresh.begin_step().update(c, l.w, l.g); }));
    }
    const double full = seconds(1, [&] {
      const Eigen::Map<matrix> g(l.g.data(), n, n);
      const Eigen::BDCSVD<Eigen::MatrixXf> svd(g, Eigen::ComputeThinU | Eigen::ComputeThinV);
      benchmark::DoNotOptimize(svd.singularValues().data());
    });
    const double step_ms = median(plain) * 1e3;
    refreshes.push_back({n, rank, median(cold) * 1e3 - step_ms, median(warm) * 1e3 - step_ms, step_ms, full * 1e3});
  }
}

void print_table() {
  std::printf("\n| GaLore, 4096 x 4096 | threads | ns/param | p += s g | of it | AdamW | two products | of them |\n");
  std::printf("|---|--:|--:|--:|--:|--:|--:|--:|\n");
  for (const auto& r : steps) {
    std::printf("| r = %td | %d | %.3f | %.3f | %.2f | %.3f |", r.rank, r.threads, r.galore, r.bare, r.galore / r.bare,
                r.adamw);
    if (r.products > 0) std::printf(" %.2f | %.2f |\n", r.products, r.galore / r.products);
    else std::printf(" | |\n");
  }
  std::printf(
      "\n| one thread | from nothing, ms | warm, ms | of a step | full SVD, ms | SVD / warm "
      "|\n|---|--:|--:|--:|--:|--:|\n");
  for (const auto& r : refreshes)
    std::printf("| %td^2, r = %td | %.1f | %.1f | %.2f | %.0f | %.0f |\n", r.size, r.rank, r.cold, r.warm,
                r.warm / r.step, r.decomposition, r.decomposition / r.warm);
}

BENCHMARK(step)
    ->ArgNames({"rank", "threads"})
    ->ArgsProduct({{4, 8, 128, 512}, {1, 2}})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(refresh)
    ->ArgNames({"size", "rank"})
    ->ArgsProduct({{2048, 4096}, {4, 8, 128, 512}})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  print_table();
}
