// The smallest trainer on a GPU: its own arrays, kernels and stream. State in 8 bits, one step captured in a graph.
// Fits y = 3 x - 1 by gradient descent on the mean squared error.
#include <cmath>
#include <cstdio>

#include "mango/cuda/optimizer.cuh"
#include "mango/optim/adamw.hpp"
#include "mango/store/dynamic8.hpp"

__global__ void backward(const float* w, float* g) {  // slope and intercept, and their gradients
  float slope = 0, intercept = 0;
  for (float x = -1; x <= 1; x += 0.125f) {
    const float error = w[0] * x + w[1] - (3 * x - 1);
    slope += 2 * error * x / 17;
    intercept += 2 * error / 17;
  }
  g[0] = slope, g[1] = intercept;
}

int main() {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    std::puts("SKIPPED: no CUDA device");
    return 77;
  }
  using mango::cuda::check;
  cudaStream_t stream;
  check(cudaStreamCreate(&stream), "a stream");
  float *w, *g;
  check(cudaMalloc(&w, 2 * sizeof(float)), "weights");
  check(cudaMalloc(&g, 2 * sizeof(float)), "gradients");
  check(cudaMemset(w, 0, 2 * sizeof(float)), "weights");

  float result[2];
  {
    using optimizer = mango::adamw<mango::stores<mango::dynamic8<>, mango::dynamic8<>>, mango::cuda::device>;
    optimizer opt({.learning_rate = mango::warmup_cosine{.peak = 0.05, .warmup = 10, .total = 500}, .weight_decay = 0},
                  mango::cuda::device{stream});
    opt.add("line", {.shape = {2}}, mango::cuda::device_span(w, 2), mango::cuda::device_span<const float>(g, 2));
    opt.prepare();  // allocations and copies cannot be part of a graph

    cudaGraph_t graph;
    cudaGraphExec_t step;
    check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "a graph");
    backward<<<1, 1, 0, stream>>>(w, g);
    opt.step();
    check(cudaStreamEndCapture(stream, &graph), "a graph");
    check(cudaGraphInstantiate(&step, graph, 0), "a graph");
    for (int i = 0; i < 500; ++i) check(cudaGraphLaunch(step, stream), "a step");  // the schedule moves on by itself

    opt.report();  // waits, and raises what went wrong
    check(cudaMemcpy(result, w, sizeof result, cudaMemcpyDeviceToHost), "the result");
    std::printf("y = %.3f x %+.3f after %lld steps with %zu bytes of state\n", static_cast<double>(result[0]),
                static_cast<double>(result[1]), static_cast<long long>(opt.counters().steps), opt.state_bytes());
    cudaGraphExecDestroy(step);
    cudaGraphDestroy(graph);
  }
  cudaFree(w), cudaFree(g), cudaStreamDestroy(stream);
  return std::abs(result[0] - 3) < 0.05f && std::abs(result[1] + 1) < 0.05f ? 0 : 1;
}
