// expect: deleted.*host_memory_given_to_a_cuda_optimizer__wrap_it_in_device_span
#include <span>
#include <vector>

#include "mango/cuda/optimizer.cuh"
#include "mango/optim/adamw.hpp"

#if defined(MANGO_FAIL_FIXED)
using view = mango::cuda::device_span<float>;
#else
using view = std::span<float>;
#endif

void train(mango::adamw<mango::stores<mango::fp32, mango::fp32>, mango::cuda::device>& opt, view w, view g) {
  opt.bind(opt.find("w"), w, g);
}
