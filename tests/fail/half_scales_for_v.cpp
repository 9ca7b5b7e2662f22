// expect: static.assert.* "?mango: a second moment is below what a float16 scale can hold
#include "mango/optim/adamw.hpp"
#include "mango/store/nf4.hpp"

using half_scaled = mango::nf4<64, mango::rounding::stochastic, mango::float16>;
#if defined(MANGO_FAIL_FIXED)
using memory = mango::stores<half_scaled, mango::nf4<>>;
#else
using memory = mango::stores<half_scaled, half_scaled>;
#endif

mango::tensor_id add(mango::adamw<memory>& opt) { return opt.add("w", 10); }
