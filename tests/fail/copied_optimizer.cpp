// expect: error: (use of deleted function|call to implicitly-deleted copy constructor)
#include <utility>

#include "mango/optim/adamw.hpp"

mango::adamw<> another(mango::adamw<>& opt) {
#if defined(MANGO_FAIL_FIXED)
  return std::move(opt);
#else
  return opt;
#endif
}
