// A trainer whose arrays are Thrust's. Least squares: w of 1000 numbers, pulled to a target.
#include <thrust/device_vector.h>
#include <thrust/inner_product.h>
#include <thrust/sequence.h>
#include <thrust/transform.h>

#include <cstdio>

#include "mango/cuda/optimizer.cuh"
#include "mango/cuda/thrust.hpp"
#include "mango/optim/adamw.hpp"
#include "mango/store/factored.hpp"

struct difference {
  __device__ float operator()(float a, float b) const { return a - b; }
};
struct squared_distance {
  __device__ float operator()(float a, float b) const { return (a - b) * (a - b); }
};

int main() {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    std::puts("SKIPPED: no CUDA device");
    return 77;
  }
  thrust::device_vector<float> w(1000, 0.0f), g(1000), target(1000);
  thrust::sequence(target.begin(), target.end(), -0.5f, 0.001f);

  using mango::factored, mango::cuda::as_span;
  mango::adamw<mango::stores<factored<>, factored<>>, mango::cuda::device> opt(
      {.learning_rate = mango::polynomial_decay{.peak = 0.02, .total = 400}, .b1 = 0.5, .weight_decay = 0});
  const auto id = opt.add("w", {.shape = {40, 25}});
  for (int i = 0; i < 400; ++i) {
    thrust::transform(w.begin(), w.end(), target.begin(), g.begin(), difference{});
    const auto step = opt.begin_step();
    step.update(id, as_span(w), as_span(g));
  }
  opt.report();
  const double error =
      thrust::inner_product(w.begin(), w.end(), target.begin(), 0.0f, thrust::plus<float>{}, squared_distance{});
  std::printf("mean squared error %.2e with %zu bytes of state for 1000 numbers\n", error / 1000, opt.state_bytes());
  return error / 1000 < 1e-3 ? 0 : 1;
}
