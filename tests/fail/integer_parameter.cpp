// expect: static.assert.* "?mango: parameters and gradients are float, mango::bfloat16 or mango::float16; double
#include <span>

#include "mango/optim/adamw.hpp"

#if defined(MANGO_FAIL_FIXED)
using weight = float;
#else
using weight = int;
#endif

bool train(mango::adamw<>& opt, mango::tensor_id w, std::span<weight> p, std::span<const float> g) {
  return opt.begin_step().update(w, p, g);
}
