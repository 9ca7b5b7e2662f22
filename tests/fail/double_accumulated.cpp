// expect: static.assert.* "?mango: parameters and gradients are float, mango::bfloat16 or mango::float16; double
#include <vector>

#include "mango/optim/adamw.hpp"

#if defined(MANGO_FAIL_FIXED)
using slope = float;
#else
using slope = double;
#endif

void micro_batch(mango::adamw<>& opt, mango::tensor_id w, const std::vector<slope>& g) { opt.accumulate(w, g); }
