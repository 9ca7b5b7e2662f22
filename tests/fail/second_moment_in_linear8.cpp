// expect: static.assert.* "?mango: linear8 cannot hold a second moment
#include "mango/optim/adamw.hpp"
#include "mango/store/dynamic8.hpp"
#include "mango/store/linear8.hpp"

#if defined(MANGO_FAIL_FIXED)
using memory = mango::stores<mango::linear8<>, mango::dynamic8<>>;
#else
using memory = mango::stores<mango::linear8<>, mango::linear8<>>;
#endif

mango::tensor_id add(mango::adamw<memory>& opt) { return opt.add("w", 10); }
