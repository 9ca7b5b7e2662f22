// expect: error: (template )?constraint(s not satisfied| failure)
#include "mango/optim/adamw.hpp"

struct my_backend {
  mango::buffer allocate(std::size_t bytes) const { return mango::buffer(bytes); }
#if defined(MANGO_FAIL_FIXED)
  template <class F> void run(mango::index_t n, const F& f) const {
    for (mango::index_t i = 0; i < n; ++i) f(i);
  }
#endif
};

mango::adamw<mango::stores<mango::fp32, mango::fp32>, my_backend> opt{{}};
