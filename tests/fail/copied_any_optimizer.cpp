// expect: error: (use of deleted function|call to (implicitly-)?deleted( copy)? constructor)
#include <utility>

#include "mango/optim/factory.hpp"

mango::any_optimizer another(mango::any_optimizer& opt) {
#if defined(MANGO_FAIL_FIXED)
  return std::move(opt);
#else
  return opt;
#endif
}
