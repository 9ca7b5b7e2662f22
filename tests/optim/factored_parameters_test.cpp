// factored state under every kind of parameter and gradient
#include <doctest/doctest.h>

#include "mango/optim/adamw.hpp"
#include "mango/optim/smmf.hpp"
#include "optim/factored.hpp"
#include "optim/parameter_kind.hpp"

using namespace optim_test;
using mango::factored, mango::fp32, mango::matricization, mango::stores, mango::zeros;
using both = stores<factored<>, factored<>>;
using ragged = factored<zeros::lazy, matricization::ragged>;
using cut = stores<ragged, ragged>;

namespace {

// parameters (and masters) after the first step: nothing has been factored yet
template <class P, class G, class Stores> std::vector<float> first_step(kind k, index_t n) {
  mango::adamw<Stores> opt{{.learning_rate = 0.01, .weight_decay = 0, .options = options_for(k)}};
  auto p = all_as<P>(uniform(n, 1));
  const auto g = all_as<G>(uniform(n, 2));
  std::vector<float> master(k == kind::master ? p.size() : 0, 0.7f);
  const auto id = opt.add("w", spec_for(k, n));
  opt.begin_step().update(id, p, g, master);
  std::vector<float> out = master;
  for (const P x : p) out.push_back(mango::to_float(x));
  return out;
}

template <class P, class G> void compare_first_steps(kind k) {
  // more than 1024 columns in one, so that random bits are drawn twice for a row
  for (const index_t n : {index_t{15}, index_t{24}, index_t{143}, index_t{40 * 37}, index_t{1031 * 1033}}) {
    CAPTURE(n);
    CAPTURE(static_cast<int>(k));
    const auto dense = first_step<P, G, stores<fp32, fp32>>(k, n);
    CHECK(same_bits(first_step<P, G, both>(k, n), dense));
    CHECK(same_bits(first_step<P, G, cut>(k, n), dense));
    CHECK(same_bits(first_step<P, G, stores<fp32, factored<>>>(k, n), dense));
  }
}

// sum of a (p - c)^2 / 2 after 300 steps, as a fraction of the first
template <class Stores, class P, class G> double learn(kind k) {
  constexpr index_t n = 20 * 15;
  const auto scale = uniform(n, 3, 0.5, 2), target = uniform(n, 4);
  const mango::warmup_cosine rate{.peak = 0.1, .warmup = 5, .total = 300};
  mango::adamw<Stores> opt{{.learning_rate = rate, .weight_decay = 0, .options = options_for(k)}};
  std::vector<P> p(n);
  std::vector<G> g(n);
  std::vector<float> master(k == kind::master ? n : 0), values(n);
  const auto loss = [&] {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i)
      sum += 0.5 * static_cast<double>(scale[i]) * std::pow(static_cast<double>(values[i] - target[i]), 2);
    return sum;
  };
  opt.bind(opt.add("w", spec_for(k, n)), p, g, master);
  const double first = loss();
  for (int step = 0; step < 300; ++step) {
    for (std::size_t i = 0; i < n; ++i) g[i] = as<G>(scale[i] * (values[i] - target[i]));
    REQUIRE(opt.step().updated == 1);
    for (std::size_t i = 0; i < n; ++i) values[i] = mango::to_float(p[i]);
  }
  return loss() / first;
}

template <class Stores, class G> void learns_with() {
  CHECK(learn<Stores, float, G>(kind::f32) < 1e-3);
  for (const kind k : {kind::stochastic, kind::kahan, kind::nearest, kind::master}) {
    CAPTURE(static_cast<int>(k));
    CHECK(learn<Stores, bfloat16, G>(k) < 2e-3);
  }
}

}  // namespace

TEST_CASE("optim factored parameters: the first step is that of fp32 state, bit for bit, random ones included") {
  compare_first_steps<float, float>(kind::f32);
  compare_first_steps<float, bfloat16>(kind::f32);
  for (const kind k : {kind::stochastic, kind::kahan, kind::nearest, kind::master}) {
    compare_first_steps<bfloat16, bfloat16>(k);
    compare_first_steps<bfloat16, float>(k);
  }
}

TEST_CASE("optim factored parameters: it learns with every parameter and gradient type") {
  learns_with<both, float>();
  learns_with<both, bfloat16>();
  learns_with<cut, bfloat16>();
  learns_with<stores<fp32, factored<>>, bfloat16>();
}

TEST_CASE("optim factored parameters: bytes of a kahan parameter and an accumulator come on top") {
  for (const kind k : kinds) {
    auto options = options_for(k);
    options.accumulate = true;
    const auto spec = spec_for(k, 1280);
    CHECK(mango::adamw<both>::state_bytes(spec, options) ==
          8 * (40 + 32) + 160 + (k == kind::kahan ? 2 * 1280 : 0) + 4 * 1280);
  }
}

TEST_CASE("optim factored parameters: updates far below a last place add up, except where rounding loses them") {
  for (const kind k : kinds) {
    constexpr index_t n = 512;
    mango::smmf opt{{.learning_rate = 1e-4, .beta = 0, .options = options_for(k)}};  // a step of the learning rate
    std::vector<float> p(n, 1.0f), master(k == kind::master ? n : 0, 1.0f);
    auto half = to_bf16(p);
    const std::vector<float> g(n, -1.0f);
    const auto id = opt.add("w", spec_for(k, n));
    for (int step = 0; step < 300; ++step) {
      if (k == kind::f32) opt.begin_step().update(id, p, g);
      else opt.begin_step().update(id, half, g, master);
    }
    if (k != kind::f32) p = to_float(half);
    double mean = 0;
    for (const float x : p) mean += static_cast<double>(x) / n;
    CAPTURE(static_cast<int>(k));
    if (k == kind::nearest) CHECK(mean == 1.0);
    else CHECK(mean == doctest::Approx(1.03).epsilon(k == kind::f32 ? 1e-5 : 0.004));
  }
}
