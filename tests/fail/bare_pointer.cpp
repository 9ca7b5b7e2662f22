// expect: static.assert.* "?mango: parameters and gradients are given as std::span, .*bare pointer has no size
#include <span>

#include "mango/optim/adamw.hpp"

bool train(mango::adamw<>& opt, mango::tensor_id w, float* p, const float* g) {
#if defined(MANGO_FAIL_FIXED)
  return opt.begin_step().update(w, std::span(p, 10), std::span(g, 10));
#else
  return opt.begin_step().update(w, p, g);
#endif
}
