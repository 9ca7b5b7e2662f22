// What a device is put through apart from other tests, since it takes gigabytes or leaves nothing usable behind:
// scripts/gpu-check runs each of these by name, in a process of its own.
#include <doctest/doctest.h>

#include <cstdlib>

#include "mango/optim/adamw.hpp"
#include "mango/optim/sgd.hpp"
#include "mango/store/nf4.hpp"

#include "cuda/support/device_memory.cuh"
#include "mango/cuda/optimizer.cuh"

namespace {

using mango::bfloat16, mango::errc, mango::index_t;

// patterns with periods that share no factor with any block
template <class Part> __global__ void fill(bfloat16* p, bfloat16* g, index_t n, Part) {
  const index_t i = static_cast<index_t>(blockIdx.x) * 256 + threadIdx.x;
  if (i >= n) return;
  p[i] = mango::round_nearest(static_cast<float>(i % 251) + 1);
  g[i] = mango::round_nearest(static_cast<float>(i % 241) + 1);
}
// counts the numbers that are not what one step of SGD makes of them, or that have not moved
template <class Part> __global__ void count_wrong(const bfloat16* p, index_t n, bool of_sgd, unsigned* wrong, Part) {
  const index_t i = static_cast<index_t>(blockIdx.x) * 256 + threadIdx.x;
  if (i >= n) return;
  const float before = static_cast<float>(i % 251) + 1, g = static_cast<float>(i % 241) + 1;
  const bool right = of_sgd ? p[i] == mango::round_nearest(before - 0.5f * g) : !(p[i] == mango::round_nearest(before));
  if (!right) atomicAdd(wrong, 1u);
}

template <class Optimizer, class Config> unsigned wrong_after_step(index_t n, const Config& config, bool of_sgd) {
  support::device_memory<bfloat16> p(static_cast<std::size_t>(n)), g(static_cast<std::size_t>(n));
  support::device_memory<unsigned> wrong(std::vector<unsigned>{0});
  const index_t blocks = (n + 255) / 256;
  mango::cuda::launch("filling", &fill<int>, blocks, 256, nullptr, p.data(), g.data(), n, 0);
  Optimizer opt(config, mango::cuda::device{});
  opt.add("w", {.shape = {n}, .parameter = mango::dtype::bf16}, p.span(), g.span());
  opt.step();
  CHECK(opt.report().applied);
  mango::cuda::launch("counting", &count_wrong<int>, blocks, 256, nullptr, p.data(), n, of_sgd, wrong.data(), 0);
  return wrong.host()[0];
}

mango::sgd_config sgd_of_halves() {
  mango::sgd_config c{.learning_rate = 0.5, .momentum = 0};
  c.options.half_parameters = mango::rounding::nearest;
  return c;
}
mango::adamw_config adamw_of_sevenths() {
  mango::adamw_config c{.learning_rate = 7, .weight_decay = 0};  // as large as a unit in the last place of 251
  c.options.half_parameters = mango::rounding::nearest;
  return c;
}

template <class F> errc code_of(F f) {
  try {
    f();
  } catch (const mango::error& e) {
    return e.code();
  }
  return errc::config;
}

#if defined(__CUDACC__) && !defined(MANGO_EMULATED)
template <class Part> __global__ void write_nowhere(Part* p) { *p = 1; }
void lose_context() { mango::cuda::launch("a fault", &write_nowhere<int>, 1, 1, nullptr, reinterpret_cast<int*>(16)); }
void find_context() {}
bool may_lose_context() { return std::getenv("MANGO_EXTREMES") != nullptr; }
#else
void lose_context() { emulated::it().lost = true; }
void find_context() { emulated::it().lost = false; }
bool may_lose_context() { return true; }
#endif

}  // namespace

TEST_CASE("cuda: every number of a few thousand is written") {
  if (!support::has_device()) return;
  using sgd = mango::sgd<mango::stores<mango::fp32>, mango::cuda::device>;
  using quantised = mango::adamw<mango::stores<mango::nf4<>, mango::nf4<>>, mango::cuda::device>;
  CHECK(wrong_after_step<sgd>(20'011, sgd_of_halves(), true) == 0);
  CHECK(wrong_after_step<quantised>(20'011, adamw_of_sevenths(), false) == 0);
}

TEST_CASE("cuda: every number of more than 2^31 is written") {
  if (!std::getenv("MANGO_EXTREMES")) {
    MESSAGE("SKIPPED: it takes 11 GB of a device; scripts/gpu-check runs it");
    return;
  }
  using sgd = mango::sgd<mango::stores<mango::fp32>, mango::cuda::device>;
  using quantised = mango::adamw<mango::stores<mango::nf4<>, mango::nf4<>>, mango::cuda::device>;
  constexpr index_t n = (index_t{1} << 31) + 7;
  CHECK(wrong_after_step<sgd>(n, sgd_of_halves(), true) == 0);
  CHECK(wrong_after_step<quantised>(n, adamw_of_sevenths(), false) == 0);
}

#if defined(MANGO_EMULATED)
TEST_CASE("cuda: another device is current") {
  using sgd = mango::sgd<mango::stores<mango::fp32>, mango::cuda::device>;
  support::device_memory<float> p(std::vector<float>(100, 1.0f)), g(std::vector<float>(100, 1.0f));
  sgd opt({}, mango::cuda::device{});
  const auto id = opt.add("w", {.shape = {100}}, p.span(), g.span());
  cudaSetDevice(1);
  CHECK(code_of([&] { opt.step(); }) == errc::device);
  CHECK(code_of([&] { opt.bind(id, p.span(), g.span()); }) == errc::device);
  CHECK(code_of([&] { opt.add("more", 5); }) == errc::device);
  cudaSetDevice(0);
  opt.step();
  CHECK(opt.report().applied);
  CHECK(opt.counters().steps == 1);
}
#endif

TEST_CASE("cuda: a lost context is an error, at once and ever after") {
  if (!may_lose_context()) {
    MESSAGE("SKIPPED: it leaves no context to others; scripts/gpu-check runs it");
    return;
  }
  using sgd = mango::sgd<mango::stores<mango::fp32>, mango::cuda::device>;
  support::device_memory<float> p(std::vector<float>(100, 1.0f)), g(std::vector<float>(100, 1.0f));
  sgd opt({}, mango::cuda::device{});
  const auto id = opt.add("w", {.shape = {100}}, p.span(), g.span());
  opt.step();
  opt.report();
  lose_context();
  CHECK(code_of([&] { opt.step(), opt.report(); }) == errc::device);
  CHECK(code_of([&] { opt.step(); }) == errc::device);
  CHECK(code_of([&] { opt.report(); }) == errc::device);
  CHECK(code_of([&] { opt.add("more", 5); }) == errc::device);
  CHECK(code_of([&] { opt.bind(id, g.span(), p.span()); }) == errc::device);
  CHECK(opt.size() == 1);
  CHECK(opt.state_bytes(id) == 400);
  find_context();
}
