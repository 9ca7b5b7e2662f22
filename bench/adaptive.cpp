// Composed chains beside loops written by hand for the same features, in one run (interleaved.hpp), over the same
// arrays: what composition costs. And the family over factored state, beside itself in fp32.
#include <benchmark/benchmark.h>

#include <bit>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "interleaved.hpp"
#include "mango/backend/threads.hpp"
#include "mango/optim/ademamix.hpp"
#include "mango/optim/adopt.hpp"
#include "mango/optim/lion.hpp"
#include "mango/optim/prodigy.hpp"
#include "mango/optim/simplified_ademamix.hpp"
#include "mango/store/factored.hpp"

namespace {

using bench::median;
using bench::seconds;
using mango::index_t;
using mango::packet;
using mango::whole;
namespace math = mango::math;

struct row {
  std::string what;
  int threads;
  double ours, other, ratio;  // ns per parameter, and the median of the rounds' ratios
};
std::vector<row> against_hand, against_fp32;

// One packet of a step: p and g, and the slots in their order; what is added to p. Constants as fold() would find them.
struct hand_adopt {
  static constexpr int slots = 2;  // v, m
  static packet step(packet g, packet, packet (&s)[slots]) {
    const packet root = math::sqrt(s[0]);
    s[0] = packet(0.9999f) * s[0] + packet(1e-4f) * g * g;
    const packet x = math::max(math::min(g / math::max(root, packet(1e-6f)), packet(2.0f)), packet(-2.0f));
    s[1] = packet(0.9f) * s[1] + packet(0.1f) * x;
    return packet(-1e-3f) * s[1];
  }
};
struct hand_lion {
  static constexpr int slots = 1;  // m
  static packet step(packet g, packet p, packet (&s)[slots]) {
    const packet c = packet(0.9f) * s[0] + packet(0.1f) * g;
    s[0] = packet(0.99f) * s[0] + packet(0.01f) * g;
    return packet(-1e-4f) * math::sign(c) + packet(-1e-5f) * p;
  }
};
struct hand_ademamix {
  static constexpr int slots = 3;  // m, m_slow, v
  static packet step(packet g, packet p, packet (&s)[slots]) {
    s[0] = packet(0.9f) * s[0] + packet(0.1f) * g;
    s[1] = packet(0.9999f) * s[1] + packet(1e-4f) * g;
    s[2] = packet(0.999f) * s[2] + packet(1e-3f) * g * g;
    const packet u = packet(1.1f) * s[0] + packet(2.0f) * s[1];
    return packet(-9e-4f) * (u / (math::sqrt(s[2]) + packet(1e-8f))) + packet(-1e-5f) * p;
  }
};
struct hand_cautious_adam {
  static constexpr int slots = 2;  // m, v
  static packet::mask agrees(packet g, packet m) {
    const packet u = packet(0.9f) * m + packet(0.1f) * g, zero = packet(0.0f);
    return ((u > zero) & (g > zero)) | ((u < zero) & (g < zero));
  }
  static packet step(packet g, packet p, packet (&s)[slots], packet scale) {
    const packet::mask keep = agrees(g, s[0]);
    s[0] = packet(0.9f) * s[0] + packet(0.1f) * g;
    s[1] = packet(0.999f) * s[1] + packet(1e-3f) * g * g;
    const packet u = math::select(keep, s[0] * scale, packet(0.0f));
    return packet(-9e-4f) * (u / (math::sqrt(s[1]) + packet(1e-8f))) + packet(-1e-5f) * p;
  }
};

// the loop around it
template <class Hand, class... More>
void walk(float* p, const float* g, float* const* slots, index_t begin, index_t end, More... more) {
  float* own[Hand::slots];
  for (int k = 0; k < Hand::slots; ++k) own[k] = slots[k];
  for (index_t i = begin; i < end; i += packet::lanes) {
    packet s[Hand::slots];
    for (int k = 0; k < Hand::slots; ++k) s[k] = mango::load(own[k], whole{i});
    const packet before = mango::load(p, whole{i});
    const packet u = Hand::step(mango::load(g, whole{i}), before, s, more...);
    for (int k = 0; k < Hand::slots; ++k) mango::save(own[k], whole{i}, s[k]);
    mango::save(p, whole{i}, before + u);
  }
}

// an optimizer of fp32 slots over one tensor, whose arrays a loop by hand can have too
template <class Optimizer> struct arrays {
  index_t n;
  mango::threads pool;
  Optimizer opt;
  std::vector<float> p, g;
  mango::tensor_id w;
  float* slots[4] = {};

  template <class Make>
  arrays(index_t size, int threads, Make make, const mango::tensor_spec& spec)
      : n(size), pool(threads), opt(make(mango::host{pool})), p(static_cast<std::size_t>(n)), g(p.size()) {
    w = opt.add("w", spec);
    bench::fill(p, g);
    int k = 0;
    for (const auto& part : opt.state(w))
      if (k < 4) slots[k++] = reinterpret_cast<float*>(part.bytes.data());
  }
  void ours() {
    const auto token = opt.begin_step();
    token.update(w, p, g);
  }
  template <class F> void each_chunk(F f) {
    pool(mango::chunk_count(n), [&](index_t c) { f(c * mango::chunk_elements, (c + 1) * mango::chunk_elements); });
  }
};

constexpr int rounds = 31;

// Hand: the loop, over all chunks; called as hand(arrays)
template <class Arrays, class F> void contest(const std::string& what, int threads, Arrays& a, F hand) {
  std::vector<double> ours, by_hand;
  a.ours(), hand(a), a.ours();
  for (int i = 0; i < rounds; ++i) {
    ours.push_back(seconds(1, [&] { a.ours(); }));
    by_hand.push_back(seconds(1, [&] { hand(a); }));
  }
  const double each = 1e9 / static_cast<double>(a.n);
  against_hand.push_back({what, threads, median(ours) * each, median(by_hand) * each, bench::ratio(ours, by_hand)});
}

template <class Hand> void plainly(auto& a) {
  a.each_chunk([&](index_t b, index_t e) { walk<Hand>(a.p.data(), a.g.data(), a.slots, b, e); });
}
void cautiously(auto& a) {
  std::vector<double> counts(static_cast<std::size_t>(mango::chunk_count(a.n)));
  a.each_chunk([&](index_t b, index_t e) {
    packet::bits sum{};
    for (index_t i = b; i < e; i += packet::lanes)
      sum += std::bit_cast<packet::bits>(
                 hand_cautious_adam::agrees(mango::load(a.g.data(), whole{i}), mango::load(a.slots[0], whole{i}))) &
             1u;
    double all = 0;
    for (int k = 0; k < packet::lanes; ++k) all += sum[k];
    counts[static_cast<std::size_t>(b / mango::chunk_elements)] = all;
  });
  double all = 0;
  for (const double c : counts) all += c;
  const packet scale(static_cast<float>(static_cast<double>(a.n) / std::max(all, 1e-3 * static_cast<double>(a.n))));
  a.each_chunk([&](index_t b, index_t e) { walk<hand_cautious_adam>(a.p.data(), a.g.data(), a.slots, b, e, scale); });
}

constexpr mango::optimizer_options unchecked{.on_nonfinite = mango::nonfinite::unchecked};

void composed(benchmark::State& state) {
  const int threads = static_cast<int>(state.range(0));
  constexpr index_t n = index_t{1} << 24;
  for (auto _ : state) {
    const auto run = [&]<class Optimizer>(const char* what, const typename Optimizer::config& c, auto hand) {
      arrays<Optimizer> a(n, threads, [&](const mango::host& h) { return Optimizer(c, h); }, {.shape = {n}});
      contest(what, threads, a, hand);
    };
    run.template operator()<mango::adopt<>>("ADOPT", {.options = unchecked}, [](auto& a) { plainly<hand_adopt>(a); });
    run.template operator()<mango::lion<>>("Lion", {.weight_decay = 0.1, .options = unchecked},
                                           [](auto& a) { plainly<hand_lion>(a); });
    run.template operator()<mango::ademamix<>>("AdEMAMix", {.weight_decay = 0.01, .options = unchecked},
                                               [](auto& a) { plainly<hand_ademamix>(a); });
    const auto rules = mango::chain(mango::average_updates{}, mango::cautious{}, mango::scale_by_second_moment{},
                                    mango::decoupled_step{1e-3, 0.01});
    using cautious_adam =
        mango::optimizer<decltype(mango::chain(mango::average_updates{}, mango::cautious{},
                                               mango::scale_by_second_moment{}, mango::decoupled_step{})),
                         mango::stores<mango::fp32, mango::fp32>>;
    arrays<cautious_adam> a(n, threads, [&](const mango::host& h) { return cautious_adam(rules, {}, h, unchecked); },
                            {.shape = {n}});
    contest("Adam, cautious", threads, a, [](auto& x) { cautiously(x); });
  }
}

// the same optimizer over fp32 and over factored state
template <class Dense, class Factored> void both(const char* what, int threads, const typename Dense::config& c) {
  constexpr index_t n = index_t{1} << 24;
  const mango::tensor_spec spec{.shape = {4096, 4096}};
  arrays<Dense> dense(
      n, threads, [&](const mango::host& h) { return Dense(c, h); }, spec);
  arrays<Factored> factored(
      n, threads, [&](const mango::host& h) { return Factored(c, h); }, spec);
  std::vector<double> a, b;
  for (int i = 0; i < 2; ++i) dense.ours(), factored.ours();
  for (int i = 0; i < rounds; ++i) {
    a.push_back(seconds(1, [&] { dense.ours(); }));
    b.push_back(seconds(1, [&] { factored.ours(); }));
  }
  const double each = 1e9 / static_cast<double>(n);
  against_fp32.push_back({what, threads, median(b) * each, median(a) * each, bench::ratio(a, b)});
}

void factored(benchmark::State& state) {
  const int threads = static_cast<int>(state.range(0));
  using one = mango::stores<mango::factored<>>;
  using two = mango::stores<mango::factored<>, mango::factored<>>;
  for (auto _ : state) {
    both<mango::adopt<>, mango::adopt<two>>("adopt", threads, {.options = unchecked});
    both<mango::prodigy<>, mango::prodigy<two>>("prodigy", threads, {.options = unchecked});
    both<mango::simplified_ademamix<>, mango::simplified_ademamix<two>>("simplified_ademamix", threads,
                                                                        {.options = unchecked});
    both<mango::lion<>, mango::lion<one>>("lion", threads, {.options = unchecked});
  }
}

void print_table() {
  std::printf("\n| 2^24 parameters, fp32 | threads | composed, ns/param | by hand | composed / by hand |\n");
  std::printf("|---|--:|--:|--:|--:|\n");
  for (const row& r : against_hand)
    std::printf("| %s | %d | %.3f | %.3f | %.2f |\n", r.what.c_str(), r.threads, r.ours, r.other, r.ratio);
  std::printf("\n| 4096 x 4096 | threads | factored, ns/param | fp32 | times as fast |\n|---|--:|--:|--:|--:|\n");
  for (const row& r : against_fp32)
    std::printf("| %s | %d | %.3f | %.3f | %.2f |\n", r.what.c_str(), r.threads, r.ours, r.other, r.ratio);
}

BENCHMARK(composed)->ArgName("threads")->Arg(1)->Arg(2)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(factored)->ArgName("threads")->Arg(1)->Arg(2)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  print_table();
}
