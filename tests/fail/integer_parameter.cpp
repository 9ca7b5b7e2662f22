// expect: static.assert.* "?mango: parameters and gradients are float or mango::bfloat16; double, half and integers
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
