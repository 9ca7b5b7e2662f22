// expect: static.assert.* "?mango: parameters and gradients are float, mango::bfloat16 or mango::float16; double
#include <vector>

#include "mango/optim/adamw.hpp"

#if defined(MANGO_FAIL_FIXED)
using slope = float;
#else
using slope = double;
#endif

bool train(mango::adamw<>& opt, mango::tensor_id w, std::vector<float>& p, const std::vector<slope>& g) {
  return opt.begin_step().update(w, p, g);
}
