// expect: static.assert.* "?mango: give one store per state slot
#include "mango/optim/adam.hpp"

#if defined(MANGO_FAIL_FIXED)
using memory = mango::stores<mango::bf16, mango::bf16>;
#else
using memory = mango::stores<mango::bf16>;
#endif

mango::tensor_id add(mango::adam<memory>& opt) { return opt.add("w", 10); }
