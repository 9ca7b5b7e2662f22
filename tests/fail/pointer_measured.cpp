// expect: static.assert.* "?mango: parameters and gradients are given as std::span
#include <span>

#include "mango/optim/adamw.hpp"

void measure(mango::adamw<>& opt, mango::tensor_id w, const float* g) {
#if defined(MANGO_FAIL_FIXED)
  opt.begin_step().measure(w, std::span(g, 10));
#else
  opt.begin_step().measure(w, g);
#endif
}
