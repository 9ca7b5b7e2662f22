// What codes cost: quantise() and dequantise() beside loops that move the same bytes and compute nothing, in one run
// (interleaved.hpp). Those loops prefetch and stream as ours do. They write what they read, not zeros: some machines
// write lines of zeros faster.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdio>
#include <string>

#include "interleaved.hpp"
#include "mango/backend/threads.hpp"
#include "mango/store/dynamic8.hpp"
#include "mango/store/linear4.hpp"
#include "mango/store/linear8.hpp"
#include "mango/store/nf4.hpp"
#include "mango/store/quantise.hpp"

namespace {

using mango::index_t;
using mango::packet;

struct row {
  std::string store, direction;
  index_t n;
  int threads;
  double bytes, ours, share_of_roof;  // bytes per number; ns per number; median of ratios
};
std::vector<row> table;  // what main() prints at the end

// Arrays that start on a cache line
template <class T> class aligned {
 public:
  explicit aligned(index_t n) : room_(static_cast<std::size_t>(n) + 64 / sizeof(T)), n_(static_cast<std::size_t>(n)) {
    const auto past = reinterpret_cast<std::uintptr_t>(room_.data()) % 64;
    first_ = room_.data() + (64 - past) % 64 / sizeof(T);
  }
  T* data() { return first_; }
  std::span<T> part(index_t begin, index_t end) { return {first_ + begin, static_cast<std::size_t>(end - begin)}; }

 private:
  std::vector<T> room_;
  std::size_t n_;
  T* first_;
};

template <class Store> class contest {
 public:
  using format = mango::format_of<Store>;
  // packets of numbers whose codes fill a packet
  static constexpr index_t numbers = 32 / format::map::bits * packet::lanes;

  contest(index_t n, int threads)
      : n_(n), pool_(threads), x_(n), y_(n), codes_(format::code_bytes(n)), scales_(format::scales(n)) {
    for (index_t i = 0; i < n; ++i) {
      double sum = -2;  // of four uniform ones: about normal
      for (int k = 0; k < 4; ++k) sum += static_cast<double>((state_ = state_ * 1664525u + 1013904223u) >> 16) / 65536;
      x_.data()[i] = static_cast<float>(sum);
    }
    quantise();
  }
  void quantise() {
    each_part([this](index_t b, index_t e) { mango::quantise<Store>(x_.part(b, e), codes(b, e), scales(b, e)); });
  }
  void dequantise() {
    each_part([this](index_t b, index_t e) { mango::dequantise<Store>(codes(b, e), scales(b, e), y_.part(b, e)); });
  }
  void quantise_traffic() {
    each_part([this](index_t b, index_t e) {
      std::uint8_t* to = codes(b, e).data();
      for (index_t i = b; i < e; i += numbers, to += sizeof(packet)) {
        for (index_t k = 0; k < numbers; k += packet::lanes) __builtin_prefetch(x_.data() + i + k + 2048);
        packet::bits read = mango::load_bits(x_.data() + i);
        for (index_t k = packet::lanes; k < numbers; k += packet::lanes) read ^= mango::load_bits(x_.data() + i + k);
        std::memcpy(to, &read, sizeof read);
      }
      for (float& s : scales(b, e)) s = 1;
    });
  }
  void dequantise_traffic() {
    each_part([this](index_t b, index_t e) {
      if (e - b < index_t{1} << 22) move_codes<false>(b, e);
      else move_codes<true>(b, e);
    });
  }
  static double bytes() { return 4 + format::bits / 8; }

 private:
  template <bool Around> void move_codes(index_t b, index_t e) {
    const std::uint8_t* from = codes(b, e).data();
    for (index_t i = b; i < e; i += numbers, from += sizeof(packet)) {
      packet read;
      std::memcpy(&read, from, sizeof read);
      for (index_t k = 0; k < numbers; k += packet::lanes) {
        if constexpr (Around) mango::stream<true>(y_.data() + i + k, read);
        else mango::save(y_.data() + i + k, read);
      }
    }
    if constexpr (Around) mango::stream_end();
  }
  std::span<std::uint8_t> codes(index_t b, index_t e) {
    return codes_.part(format::code_bytes(b), format::code_bytes(e));
  }
  std::span<float> scales(index_t b, index_t e) { return scales_.part(format::scales(b), format::scales(e)); }
  template <class F> void each_part(F f) {  // large enough to be written around the caches
    const index_t parts = std::max<index_t>(pool_.size(), n_ >> 22);
    pool_(parts, [&](index_t i) { f(i * n_ / parts, (i + 1) * n_ / parts); });
  }

  index_t n_;
  mango::threads pool_;
  aligned<float> x_, y_;
  aligned<std::uint8_t> codes_;
  aligned<float> scales_;
  std::uint32_t state_ = 1;
};

template <class Store> void measure(benchmark::State& state, const char* name) {
  const index_t n = state.range(0);
  contest<Store> it(n, static_cast<int>(state.range(1)));
  const int repetitions = static_cast<int>(std::max<index_t>(1, (index_t{1} << 22) / n));
  std::vector<double> quantise, dequantise, write_codes, read_codes;
  it.quantise(), it.dequantise(), it.quantise_traffic(), it.dequantise_traffic();
  bool odd = false;
  // who comes first finds in the caches what the others left there: they change places from round to round
  const auto pair = [&](bool ours_first, auto traffic, std::vector<double>& moved, auto ours,
                        std::vector<double>& times) {
    if (!ours_first) moved.push_back(bench::seconds(repetitions, traffic));
    times.push_back(bench::seconds(repetitions, ours));
    if (ours_first) moved.push_back(bench::seconds(repetitions, traffic));
  };
  for (auto _ : state) {
    odd = !odd;
    pair(
        odd, [&] { it.quantise_traffic(); }, write_codes, [&] { it.quantise(); }, quantise);
    it.quantise();  // codes again, after the traffic
    pair(
        odd, [&] { it.dequantise_traffic(); }, read_codes, [&] { it.dequantise(); }, dequantise);
    state.SetIterationTime(quantise.back());
  }
  const double each = 1e9 / static_cast<double>(n);
  const auto threads = static_cast<int>(state.range(1));
  const double bytes = contest<Store>::bytes();
  table.push_back(
      {name, "quantise", n, threads, bytes, bench::median(quantise) * each, bench::ratio(write_codes, quantise)});
  state.counters["quantise_of_roof"] = table.back().share_of_roof;
  table.push_back(
      {name, "dequantise", n, threads, bytes, bench::median(dequantise) * each, bench::ratio(read_codes, dequantise)});
  state.counters["dequantise_of_roof"] = table.back().share_of_roof;
}

void print_table() {
  std::printf(
      "\n| store | direction | numbers | threads | bytes moved per number | ns/number | GB/s | share of the speed of "
      "moving them |\n|---|---|---|---|---|---|---|---|\n");
  for (const row& r : table)
    std::printf("| %s | %s | 2^%d | %d | %.2f | %.3f | %.1f | %.2f |\n", r.store.c_str(), r.direction.c_str(),
                static_cast<int>(std::lround(std::log2(static_cast<double>(r.n)))), r.threads, r.bytes, r.ours,
                r.bytes / r.ours, r.share_of_roof);
}

template <class Store> void add(const char* name) {
  benchmark::RegisterBenchmark(name, [name](benchmark::State& s) { measure<Store>(s, name); })
      ->ArgNames({"n", "threads"})
      ->ArgsProduct({{1 << 16, 1 << 25}, {1, 2}})
      ->UseManualTime()
      ->Iterations(41)
      ->Unit(benchmark::kMillisecond);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace mango;
  add<nf4<64>>("nf4");
  add<linear4<64>>("linear4");
  add<dynamic8<256>>("dynamic8");
  add<dynamic8<256>::of<range::nonnegative>>("dynamic8, nonnegative");
  add<linear8<256>>("linear8");
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  print_table();
}
