// expect: error: ignoring return value .*(nodiscard|unused-result)
#include "mango/optim/adamw.hpp"

void train(mango::adamw<>& opt) {
#if defined(MANGO_FAIL_FIXED)
  const auto step = opt.begin_step();
  static_cast<void>(step);
#else
  opt.begin_step();
#endif
}
