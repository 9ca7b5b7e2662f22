// expect: static.assert.* "?mango: parameters and gradients are given as std::span, .*bare pointer has no size
#include <span>

#include "mango/optim/adamw.hpp"

bool train(mango::adamw<>& opt, mango::tensor_id w, const float* p, std::span<const float> g, std::span<float> delta) {
#if defined(MANGO_FAIL_FIXED)
  return opt.begin_step().update_into(w, std::span(p, 10), g, delta);
#else
  return opt.begin_step().update_into(w, p, g, delta);
#endif
}
