// Host and device code of one user: C++20, mango's rules and a Thrust header must all reach nvcc through mango::cuda.
#include <mango/rule/adam.hpp>
#include <thrust/version.h>

#include <span>

__global__ void scale(float* p, float factor, std::ptrdiff_t n) {
  for (std::ptrdiff_t i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += blockDim.x * gridDim.x) p[i] *= factor;
}

void scale(std::span<float> device_memory, float factor) {
  scale<<<64, 256>>>(device_memory.data(), factor, static_cast<std::ptrdiff_t>(device_memory.size()));
}

static_assert(THRUST_VERSION > 0 && mango::gradient_rule<mango::scale_by_adam>);
