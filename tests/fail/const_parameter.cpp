// expect: static.assert.* "?mango: the parameter is written to, so its span must not be const
#include <span>

#include "mango/optim/adamw.hpp"

#if defined(MANGO_FAIL_FIXED)
using weight = float;
#else
using weight = const float;
#endif

bool train(mango::adamw<>& opt, mango::tensor_id w, std::span<weight> p, std::span<const float> g) {
  return opt.begin_step().update(w, p, g);
}
