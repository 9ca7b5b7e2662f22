// The kernels of the most used products: arrays are read and written 16 bytes at a time and as global memory, nothing
// is kept in local memory, and registers leave room for two blocks (512 threads) on a multiprocessor, or for more where
// less is summed.
// ptx: ld\.global\.v4\.(u32|b32|f32)
// ptx: st\.global\.v4\.(u32|b32|f32)
// ptx: ld\.global\.(u64|b64|v2\.(u32|b32))
// ptx: sqrt\.rn\.f32
// no-ptx: (ld|st)\.(local|v4|f32)
// registers: run_lanes 64
// registers: run_tiles 128
// registers: run_panels 128
#include "mango/cuda/optimizer.cuh"
#include "mango/optim/adamw.hpp"
#include "mango/optim/lion.hpp"
#include "mango/optim/smmf.hpp"
#include "mango/store/dynamic8.hpp"
#include "mango/store/nf4.hpp"

namespace {
template <class Optimizer> void bind(Optimizer& opt, mango::tensor_id id) {
  mango::cuda::device_span<float> p, g;
  opt.bind(id, p, g);
}
template <class... S> using adamw = mango::adamw<mango::stores<S...>, mango::cuda::device>;
using mango::cuda::device, mango::dynamic8, mango::nf4, mango::factored, mango::fp32;
}  // namespace

void bind_all(mango::tensor_id id, adamw<fp32, fp32>& a, adamw<dynamic8<>, dynamic8<>>& b, adamw<nf4<>, nf4<>>& c,
              adamw<factored<>, factored<>>& d, mango::smmf<mango::stores<factored<>, factored<>>, device>& e,
              mango::lion<mango::stores<fp32>, device>& f) {
  bind(a, id), bind(b, id), bind(c, id), bind(d, id), bind(e, id), bind(f, id);
}
