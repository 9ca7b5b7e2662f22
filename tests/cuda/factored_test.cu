// Factored slots: the device adds rows and columns up in another order than the host, so sums agree to rounding and
// signs except where a number is as good as zero. Ten runs agree with each other bit for bit.
#include <doctest/doctest.h>

#include "mango/optim/adafactor.hpp"
#include "mango/optim/adamw.hpp"
#include "mango/optim/lion.hpp"
#include "mango/optim/smmf.hpp"

#include "cuda/support/pair.cuh"

namespace {

template <class... S> using of = mango::stores<S...>;
using mango::bfloat16, mango::factored, mango::fp32;

const mango::adamw_config config{.learning_rate = 0.01, .b2 = 0.99, .weight_decay = 0.1};
// whole tiles, a column more or less, one lane per column, one row, tall, wide, more than one block each way, prime
const mango::shape shapes[] = {{128, 128}, {64, 256},  {65, 136},  {63, 120},  {100, 30}, {37, 41},
                               {1, 8},     {4096, 8},  {16, 4096}, {513, 264}, {31, 31},  {20, 32},
                               {1000, 24}, {300, 300}, {10007},    {3, 5, 7},  {0},       {1}};

template <class Product, class P, class G, class Config>
void same_numbers(const Config& c, double tolerance, mango::tensor_spec spec = {}, int steps = 4) {
  if (!support::has_device()) return;
  for (const auto& shape : shapes)
    for (std::size_t offset = 0; offset < (shape.elements() < 5000 ? 2u : 1u); ++offset) {
      CAPTURE(shape[0]);
      CAPTURE(shape.elements());
      CAPTURE(offset);
      spec.shape = shape;
      support::pair<Product, P, G> both(c, spec, offset);
      both.run(steps);
      CHECK(both.distance() < tolerance);
      const auto n = static_cast<double>(shape.elements());
      CHECK(static_cast<double>(both.different("m", "signs")) <= 1 + n * 1e-4);
    }
}

template <template <class, class> class Product, class... S> using on = support::product<Product, of<S...>>;

}  // namespace

TEST_CASE("cuda: factored slots have the host's numbers") {
  same_numbers<on<mango::adamw, factored<>, factored<>>, float, float>(config, 2e-4);
  same_numbers<on<mango::adamw, fp32, factored<>>, float, float>(config, 2e-5);
  same_numbers<on<mango::adamw, mango::bf16, factored<>>, float, bfloat16>(config, 3e-2);
  using ragged = factored<mango::zeros::reference, mango::matricization::ragged>;
  same_numbers<on<mango::adamw, ragged, ragged>, float, float>(config, 2e-4);
}

TEST_CASE("cuda: the factored products have the host's numbers") {
  same_numbers<on<mango::smmf, factored<>, factored<>>, float, float>(mango::smmf_config{.learning_rate = 0.01}, 2e-4);
  same_numbers<on<mango::lion, factored<>>, float, float>(mango::lion_config{.learning_rate = 0.01}, 2.01);
  same_numbers<on<mango::adafactor, mango::factored_axes>, float, float>(mango::adafactor_config{}, 2e-5);
  same_numbers<on<mango::adafactor, mango::factored_axes, fp32>, float, float>(
      mango::adafactor_config{.b1 = 0.9, .weight_decay = 0.1}, 2e-5);
  same_numbers<on<mango::adafactor, mango::fp32>, float, float>(mango::adafactor_config{.clip_rms = 0.5}, 2e-5);
}

TEST_CASE("cuda: bfloat16 parameters over factored slots") {
  mango::tensor_spec spec{.shape = {}, .parameter = mango::dtype::bf16};
  same_numbers<on<mango::adamw, factored<>, factored<>>, bfloat16, bfloat16>(config, 0.3, spec, 2);
  spec.master = true;
  same_numbers<on<mango::adamw, factored<>, factored<>>, bfloat16, bfloat16>(config, 0.2, spec, 2);
}

TEST_CASE("cuda: ten runs of factored slots have the same bits") {
  if (!support::has_device()) return;
  using product = on<mango::adamw, factored<>, factored<>>;
  std::vector<float> first;
  std::vector<std::uint8_t> state;
  for (int run = 0; run < 10; ++run) {
    support::pair<product, float, float> both(config, {.shape = {700, 520}}, 0);
    both.run(3);
    std::vector<std::uint8_t> all;
    for (const auto& part : both.device.state(both.d))
      for (const auto byte : support::bytes_of(part.bytes)) all.push_back(byte);
    const auto p = both.on_device.host();
    if (run == 0) first = p, state = all;
    CHECK(p == first);
    CHECK(all == state);
  }
}
