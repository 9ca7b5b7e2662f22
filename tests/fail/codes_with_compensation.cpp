// expect: static.assert.* "?mango: codes are rounded to nearest or stochastically
#include "mango/optim/lion.hpp"
#include "mango/store/nf4.hpp"

#if defined(MANGO_FAIL_FIXED)
using memory = mango::stores<mango::nf4<64, mango::rounding::nearest>>;
#else
using memory = mango::stores<mango::nf4<64, mango::rounding::kahan>>;
#endif

mango::tensor_id add(mango::lion<memory>& opt) { return opt.add("w", 10); }
