// expect: error: no matching (function for call to|conversion for functional-style cast)
#include "mango/backend/host.hpp"

struct my_pool {
#if defined(MANGO_FAIL_FIXED)
  template <class F> void operator()(mango::index_t n, const F& f) const {
    for (mango::index_t i = 0; i < n; ++i) f(i);
  }
#else
  template <class F> void operator()(const F& f) const { f(0); }
#endif
};

mango::host on(my_pool& pool) { return mango::host(pool); }
