// The rules that the host runs on packets, run by a kernel one float at a time: they compile for the device as they
// are, fuse into one pass without spills, and read nothing from local memory.
// ptx: \.entry .*step
// ptx: sqrt\.rn\.f32
// no-ptx: (ld|st)\.local
#include "mango/rule/adam.hpp"
#include "mango/rule/chain.hpp"
#include "mango/rule/learning_rate.hpp"
#include "mango/rule/weight_decay.hpp"

namespace {

using adamw = mango::chain_t<mango::scale_by_adam, mango::add_decayed_weights, mango::scale_by_learning_rate>;

template <class Chain>
__global__ void step(const typename Chain::frame k, float* p, const float* g, float* m, float* v, mango::index_t n) {
  const mango::index_t stride = static_cast<mango::index_t>(gridDim.x) * blockDim.x;
  for (mango::index_t i = static_cast<mango::index_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += stride) {
    float slots[] = {m[i], v[i]};
    p[i] += Chain::template run<0>(k, g[i], p[i], slots);
    m[i] = slots[0];
    v[i] = slots[1];
  }
}

}  // namespace

void launch(const mango::step_info& now, float* p, const float* g, float* m, float* v, mango::index_t n) {
  constexpr adamw chain{};
  step<adamw><<<1024, 256>>>(chain.fold(now), p, g, m, v, n);
}
