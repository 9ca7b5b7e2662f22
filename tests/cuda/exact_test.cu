// Without fused multiply-adds, which the host's half of this file has none of either, the device computes the same bits
// as the host: parameters, codes, scales and random numbers of every store that adds nothing up.
// nvcc: -fmad=false
#include <doctest/doctest.h>

#include "mango/optim/adam.hpp"
#include "mango/optim/adamw.hpp"
#include "mango/optim/lion.hpp"
#include "mango/optim/sgd.hpp"
#include "mango/store/dynamic8.hpp"
#include "mango/store/fp16.hpp"
#include "mango/store/kahan.hpp"
#include "mango/store/linear4.hpp"
#include "mango/store/linear8.hpp"
#include "mango/store/nf4.hpp"

#include "cuda/support/pair.cuh"

namespace {

template <class Stores> using adamw = support::product<mango::adamw, Stores>;
template <class... S> using of = mango::stores<S...>;
using mango::bfloat16, mango::float16;

constexpr mango::index_t sizes[] = {0, 1, 7, 8, 31, 32, 33, 255, 256, 257, 2047, 2048, 2049, 4095, 4096, 4097, 65537};

template <class Product, class P, class G, class Config> void same_bits(const Config& config, mango::tensor_spec spec) {
  if (!support::has_device()) return;
  for (const mango::index_t n : sizes)
    for (std::size_t offset = 0; offset < (n < 5000 ? 4u : 2u); ++offset) {
      CAPTURE(n);
      CAPTURE(offset);
      spec.shape = {n};
      support::pair<Product, P, G> both(config, spec, offset);
      both.run(3);
      CHECK(both.different() == 0);
    }
}

const mango::adamw_config config{.learning_rate = mango::warmup_cosine{.peak = 0.01, .warmup = 2, .total = 9},
                                 .weight_decay = 0.1};
const mango::tensor_spec bf16_parameter{.shape = {}, .parameter = mango::dtype::bf16};
const mango::tensor_spec f16_parameter{.shape = {}, .parameter = mango::dtype::f16};

}  // namespace

TEST_CASE("cuda: element-wise stores have the host's bits") {
  same_bits<adamw<of<mango::fp32, mango::fp32>>, float, float>(config, {});
  same_bits<adamw<of<mango::bf16, mango::bf16>>, float, float>(config, {});
  same_bits<adamw<of<mango::fp16, mango::fp16>>, float, float16>(config, {});
  same_bits<adamw<of<mango::kahan, mango::fp32>>, float, bfloat16>(config, {});
}

TEST_CASE("cuda: block-wise stores have the host's bits") {
  same_bits<adamw<of<mango::dynamic8<>, mango::dynamic8<>>>, float, float>(config, {});
  same_bits<adamw<of<mango::nf4<>, mango::nf4<>>>, float, float>(config, {});
  same_bits<adamw<of<mango::linear8<>, mango::linear4<>>>, float, float>(config, {});
  same_bits<adamw<of<mango::nf4<64, mango::rounding::stochastic, mango::float16>, mango::dynamic8<2048>>>, float,
            float>(config, {});
  same_bits<adamw<of<mango::dynamic8<1024>, mango::fp32>>, float, float>(config, {});
  same_bits<adamw<of<mango::bf16, mango::dynamic8<128>>>, float, float>(config, {});
}

TEST_CASE("cuda: bfloat16 parameters of every kind have the host's bits") {
  auto rounded = config;
  same_bits<adamw<of<mango::fp32, mango::fp32>>, bfloat16, bfloat16>(rounded, bf16_parameter);
  same_bits<adamw<of<mango::dynamic8<>, mango::dynamic8<>>>, bfloat16, float>(rounded, bf16_parameter);
  rounded.options.half_parameters = mango::rounding::kahan;
  same_bits<adamw<of<mango::fp32, mango::fp32>>, bfloat16, bfloat16>(rounded, bf16_parameter);
  rounded.options.half_parameters = mango::rounding::nearest;
  same_bits<adamw<of<mango::fp32, mango::fp32>>, bfloat16, float>(rounded, bf16_parameter);
  mango::tensor_spec with_master = bf16_parameter;
  with_master.master = true;
  same_bits<adamw<of<mango::fp32, mango::fp32>>, bfloat16, bfloat16>(config, with_master);
}

TEST_CASE("cuda: half parameters of every kind have the host's bits") {
  auto rounded = config;
  same_bits<adamw<of<mango::fp16, mango::fp16>>, float16, float16>(rounded, f16_parameter);
  same_bits<adamw<of<mango::dynamic8<>, mango::dynamic8<>>>, float16, float16>(rounded, f16_parameter);
  rounded.options.half_parameters = mango::rounding::kahan;
  same_bits<adamw<of<mango::fp32, mango::fp32>>, float16, float16>(rounded, f16_parameter);
  rounded.options.half_parameters = mango::rounding::nearest;
  same_bits<adamw<of<mango::fp32, mango::fp32>>, float16, float>(rounded, f16_parameter);
  mango::tensor_spec with_master = f16_parameter;
  with_master.master = true;
  same_bits<adamw<of<mango::fp32, mango::fp32>>, float16, bfloat16>(config, with_master);
}

TEST_CASE("cuda: the other products have the host's bits") {
  same_bits<support::product<mango::adam, of<mango::fp32, mango::fp32>>, float, float>(
      mango::adam_config{.weight_decay = 0.1, .convention = mango::adam_convention::hf}, {});
  same_bits<support::product<mango::sgd, of<mango::fp32>>, float, float>(
      mango::sgd_config{.learning_rate = mango::step_decay{.initial = 0.1, .every = 2, .factor = 0.5}, .momentum = 0.9},
      {});
  same_bits<support::product<mango::lion, of<mango::linear8<>>>, float, float>(
      mango::lion_config{.learning_rate = mango::polynomial_decay{.peak = 1e-3, .warmup = 1, .total = 5, .power = 2}},
      {});
}

TEST_CASE("cuda: numbers at the end of 16 bits, and arrays that are not aligned, are counted") {
  if (!support::has_device()) return;
  constexpr mango::index_t n = 70'001;
  std::vector<float16> p(static_cast<std::size_t>(n));
  for (const std::size_t at : {std::size_t{0}, std::size_t{65'535}, std::size_t{65'536}, std::size_t{70'000}})
    p[at].bits = at % 2 == 0 ? 0x7bff : 0xfc00;
  const support::device_memory<float16> on_device(p), g(std::vector<float16>(p.size(), {0x7bff}));
  auto kept = config;
  kept.options.check_parameters = false;
  mango::adamw<of<mango::fp32, mango::fp32>, mango::cuda::device> opt(kept, mango::cuda::device{});
  const auto id = opt.add("w", {.shape = {n}, .parameter = mango::dtype::f16}, on_device.span(), g.span());
  CHECK(mango::count_saturated(p.data(), mango::dtype::f16, n) == 4);
  CHECK(opt.saturated(id) == 4);

  CHECK(opt.unaligned() == 0);
  const support::device_memory<float16> moved(p, 1);
  opt.bind(id, moved.span(), g.span());
  CHECK(opt.unaligned() == 1);
}
