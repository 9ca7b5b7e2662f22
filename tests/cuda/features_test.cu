// Rules that steer and rules that survey sums, on the device: each feature of the adaptive products has the host's
// numbers. Without fused multiply-adds only sums differ, by the order of their terms.
// nvcc: -fmad=false
#include <doctest/doctest.h>

#include "mango/optim/adamw.hpp"
#include "mango/optim/ademamix.hpp"
#include "mango/optim/adopt.hpp"
#include "mango/optim/lion.hpp"
#include "mango/optim/prodigy.hpp"
#include "mango/store/dynamic8.hpp"

#include "cuda/support/twins.cuh"

namespace {

using mango::bfloat16, mango::dynamic8, mango::factored, mango::fp32;
template <class S, class B> using featured_adamw = mango::adamw<S, B, mango::featured>;
template <class S, class B> using featured_lion = mango::lion<S, B, mango::featured>;
template <class S, class B> using plain_adopt = mango::adopt<S, B>;
template <class S, class B> using plain_ademamix = mango::ademamix<S, B>;
template <class S, class B> using plain_prodigy = mango::prodigy<S, B>;
template <template <class, class> class Product, class... S> using on = support::product<Product, mango::stores<S...>>;

// more than one part, nothing, two rows of panels, one number
const std::vector<mango::shape> some{{1000}, {20001}, {0}, {130, 264}, {1}, {37, 41}};

template <class Product, class Config> void same_numbers(const Config& config, double tolerance, bool singly = false) {
  if (!support::has_device()) return;
  support::twins<Product> both(config, some);
  both.run(4, singly);
  CHECK(both.distance() < tolerance);
}

mango::adamw_config with(const mango::direction_features& features) {
  return {.learning_rate = 0.01, .b2 = 0.99, .weight_decay = 0.1, .features = features};
}

}  // namespace

TEST_CASE("cuda: each feature has the host's numbers") {
  using product = on<featured_adamw, fp32, fp32>;
  const mango::direction_features each[] = {{.orthograd = true},      {.cautious = true},
                                            {.grams = true},          {.nesterov = true},
                                            {.atan2 = true},          {.simplified = true, .alpha_grad = 5},
                                            {.cautious_decay = true}, {.kourkoutas = true}};
  for (const auto& features : each) same_numbers<product>(with(features), 2e-5);
}

TEST_CASE("cuda: features together, over other stores, and tensor by tensor") {
  const auto config = with({.orthograd = true, .cautious = true, .nesterov = true, .kourkoutas = true});
  same_numbers<on<featured_adamw, fp32, fp32>>(config, 2e-5);
  same_numbers<on<featured_adamw, fp32, fp32>>(config, 2e-5, true);
  same_numbers<on<featured_adamw, dynamic8<>, dynamic8<>>>(config, 2e-4);
  same_numbers<on<featured_adamw, factored<>, factored<>>>(config, 1e-3);
}

TEST_CASE("cuda: what surveys find decides the step: OrthoGrad leaves the length of the weights") {
  if (!support::has_device()) return;
  support::twins<on<featured_lion, fp32>> both(mango::lion_config{.learning_rate = 1e-3, .orthograd = true}, some);
  support::twins<on<featured_lion, fp32>> plain(mango::lion_config{.learning_rate = 1e-3}, some);
  both.run(4);
  plain.run(4);
  CHECK(both.distance() < 2e-5);
  CHECK(both.on_device[0].host() != plain.on_device[0].host());
  CHECK(both.on_device[4].host() == plain.on_device[4].host());  // one number has no direction across its own
}

TEST_CASE("cuda: ADOPT, a slow average and a cautious Lion have the host's numbers") {
  same_numbers<on<plain_adopt, fp32, fp32>>(mango::adopt_config{.learning_rate = 0.01}, 2e-5);
  same_numbers<on<plain_ademamix, fp32, fp32, fp32>>(
      mango::ademamix_config{.learning_rate = 0.01, .alpha = 5, .alpha_warmup = 3, .b3_warmup = 6}, 2e-5);
  same_numbers<on<featured_lion, fp32>>(
      mango::lion_config{.learning_rate = 0.01, .weight_decay = 0.1, .cautious = true, .cautious_decay = true}, 2e-5);
}

TEST_CASE("cuda: Prodigy reads bfloat16 parameters of every kind") {
  if (!support::has_device()) return;
  mango::prodigy_config config{.distance = {.d0 = 1e-2, .slice = 1}};
  mango::tensor_spec spec{.shape = {20001}, .parameter = mango::dtype::bf16};
  const auto same = [&] {
    support::pair<on<plain_prodigy, fp32, fp32>, bfloat16, bfloat16> both(config, spec, 0);
    both.run(4);
    CHECK(both.distance() < 1e-6);
    CHECK(both.different("prodigy", "p0") == 0);
  };
  for (const auto how : {mango::rounding::stochastic, mango::rounding::kahan, mango::rounding::nearest}) {
    config.options.half_parameters = how;
    same();
  }
  spec.master = true;
  same();
}
