// AdamW's step beside what bounds it, in one run (interleaved.hpp): (a) a loop that moves the same bytes and computes
// nothing, (b) a hand-written AdamW loop. Where gradients are checked first, all three read them first.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "interleaved.hpp"
#include "mango/backend/threads.hpp"
#include "mango/optim/adamw.hpp"

namespace {

using bench::median;
using bench::seconds;
using mango::index_t;
using mango::packet;

struct row {
  index_t n;
  int threads;
  bool checked;
  double ours, traffic, hand;          // ns per parameter, medians
  double share_of_roof, against_hand;  // medians of per-round ratios
};
std::vector<row> table;  // what main() prints at the end

// The same loads and stores, chunk by chunk, and no arithmetic: every value is written back as it was, through an
// exclusive or with a zero the compiler cannot see.
void move_bytes(float* p, const float* g, float* m, float* v, index_t begin, index_t end, std::uint32_t zero) {
  const packet::bits nothing = packet::bits{} + zero;
  for (index_t i = begin; i < end; i += packet::lanes) {
    const packet::bits load_m = mango::load_bits(m + i), load_v = mango::load_bits(v + i);
    const packet::bits load_p = mango::load_bits(p + i), load_g = mango::load_bits(g + i);
    const packet::bits keep = load_g & nothing;
    mango::save(m + i, mango::from_bits(load_m ^ keep));
    mango::save(v + i, mango::from_bits(load_v ^ keep));
    mango::save(p + i, mango::from_bits(load_p ^ keep));
  }
}
// The read that comes before a checked step.
std::uint32_t read_bytes(const float* g, index_t begin, index_t end) {
  packet::bits seen[4] = {};
  for (index_t i = begin; i < end; i += 4 * packet::lanes)
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) seen[k] |= mango::load_bits(g + i + k * packet::lanes);
  const packet::bits all = seen[0] | seen[1] | seen[2] | seen[3];
  std::uint32_t any = 0;
  for (int k = 0; k < packet::lanes; ++k) any |= all[k];
  return any;
}

// What one writes first. The compiler sees the whole loop and every constant.
struct adamw_constants {
  float b1, c1, b2, c2, m_scale, v_scale, eps, lr, decay;
};
void hand_written(float* __restrict p, const float* __restrict g, float* __restrict m, float* __restrict v,
                  index_t begin, index_t end, adamw_constants k) {
  for (index_t i = begin; i < end; ++i) {
    m[i] = k.b1 * m[i] + k.c1 * g[i];
    v[i] = k.b2 * v[i] + k.c2 * g[i] * g[i];
    p[i] = k.decay * p[i] - k.lr * (m[i] * k.m_scale) / (std::sqrt(v[i]) * k.v_scale + k.eps);
  }
}

// ... and, where gradients are checked first, how one writes that so that it is vectorised.
int hand_checked(const float* g, index_t begin, index_t end) {
  int bad = 0;
  for (index_t i = begin; i < end; ++i) bad |= !(std::fabs(g[i]) <= std::numeric_limits<float>::max());
  return bad;
}

// The three that take turns, over the same arrays: the optimizer's own m and v, the trainer's p and g.
class contest {
 public:
  contest(index_t n, int threads, bool checked)
      : n_(n),
        checked_(checked),
        pool_(threads),
        opt_({.options = {.on_nonfinite = checked ? mango::nonfinite::raise : mango::nonfinite::unchecked}},
             mango::host{pool_}),
        p_(static_cast<std::size_t>(n)),
        g_(p_.size()),
        w_(opt_.add("w", n)) {
    bench::fill(p_, g_);
    const auto parts = opt_.state(w_);
    m_ = reinterpret_cast<float*>(parts[0].bytes.data());
    v_ = reinterpret_cast<float*>(parts[1].bytes.data());
  }

  void ours() {
    const auto token = opt_.begin_step();
    token.update(w_, p_, g_);
  }
  void traffic() {
    if (checked_) each_chunk([this](index_t b, index_t e) { sink_ = read_bytes(g_.data(), b, e); });
    each_chunk([this](index_t b, index_t e) { move_bytes(p_.data(), g_.data(), m_, v_, b, e, zero_); });
  }
  void hand() {
    const adamw_constants k{0.9f, 0.1f, 0.999f, 0.001f, 1.0f, 1.0f, 1e-8f, 1e-3f, 1 - 1e-5f};
    if (checked_) each_chunk([this](index_t b, index_t e) { bad_ = hand_checked(g_.data(), b, e); });
    each_chunk([&](index_t b, index_t e) { hand_written(p_.data(), g_.data(), m_, v_, b, e, k); });
  }
  /// Bytes per parameter of a step.
  double bytes() const { return decltype(opt_)::plan::bytes_moved() + (checked_ ? 4 : 0); }

 private:
  template <class F> void each_chunk(F f) {
    pool_(mango::chunk_count(n_),
          [&](index_t c) { f(c * mango::chunk_elements, std::min(n_, (c + 1) * mango::chunk_elements)); });
  }

  index_t n_;
  bool checked_;
  mango::threads pool_;
  mango::adamw<> opt_;
  std::vector<float> p_, g_;
  mango::tensor_id w_;
  float *m_ = nullptr, *v_ = nullptr;
  volatile std::uint32_t zero_ = 0, sink_ = 0;
  volatile int bad_ = 0;
};

void step(benchmark::State& state) {
  const index_t n = state.range(0);
  const bool checked = state.range(2) != 0;
  contest c(n, static_cast<int>(state.range(1)), checked);
  const int repetitions = static_cast<int>(std::max<index_t>(1, (index_t{1} << 22) / n));
  std::vector<double> ours, traffic, hand, share, against;
  c.ours(), c.traffic(), c.hand();
  for (auto _ : state) {
    ours.push_back(seconds(repetitions, [&] { c.ours(); }));
    traffic.push_back(seconds(repetitions, [&] { c.traffic(); }));
    hand.push_back(seconds(repetitions, [&] { c.hand(); }));
    share.push_back(traffic.back() / ours.back());
    against.push_back(ours.back() / hand.back());
    state.SetIterationTime(ours.back());
  }
  const double each = 1e9 / static_cast<double>(n);
  const row r{n,
              static_cast<int>(state.range(1)),
              checked,
              median(ours) * each,
              median(traffic) * each,
              median(hand) * each,
              median(share),
              median(against)};
  table.push_back(r);
  state.counters["ns/param"] = r.ours;
  state.counters["GB/s"] = c.bytes() / r.ours;
  state.counters["of_roof"] = r.share_of_roof;
  state.counters["of_hand"] = r.against_hand;
}

void print_table() {
  std::printf(
      "\n| parameters | threads | gradients | ours ns/param | GB/s | same bytes, no math | share of that speed | "
      "hand-written | ours / hand-written |\n|---|---|---|---|---|---|---|---|---|\n");
  for (const row& r : table)
    std::printf("| 2^%d | %d | %s | %.3f | %.1f | %.3f | %.2f | %.3f | %.2f |\n",
                static_cast<int>(std::lround(std::log2(static_cast<double>(r.n)))), r.threads,
                r.checked ? "checked first (32 B)" : "unchecked (28 B)", r.ours, (r.checked ? 32 : 28) / r.ours,
                r.traffic, r.share_of_roof, r.hand, r.against_hand);
}

BENCHMARK(step)
    ->ArgNames({"n", "threads", "checked"})
    ->ArgsProduct({{1 << 16, 1 << 20, 1 << 24}, {1, 2}, {0, 1}})
    ->UseManualTime()
    ->Iterations(41)
    ->Unit(benchmark::kMillisecond);

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  print_table();
}
