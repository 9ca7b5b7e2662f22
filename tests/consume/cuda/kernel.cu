// Host and device code of one user: C++20, mango's rules, its second include root and a Thrust header must all reach
// nvcc through mango::cuda.
#include <thrust/version.h>
#include <mango/cuda/device_span.hpp>
#include <mango/rule/adam.hpp>

__global__ void scale(mango::cuda::device_span<float> p, float factor) {
  for (std::size_t i = blockIdx.x * blockDim.x + threadIdx.x; i < p.size(); i += blockDim.x * gridDim.x) p[i] *= factor;
}

void scale_all(mango::cuda::device_span<float> device_memory, float factor) {
  scale<<<64, 256>>>(device_memory, factor);
}

static_assert(THRUST_VERSION > 0 && mango::gradient_rule<mango::scale_by_adam>);
