// expect: static.assert.* "?mango: a rule that measures all gradients \(clip_by_global_norm\) stands before
#include "mango/rule/adam.hpp"
#include "mango/rule/chain.hpp"
#include "mango/rule/global_norm.hpp"

#if defined(MANGO_FAIL_FIXED)
auto rules() { return mango::chain(mango::clip_by_global_norm{1.0}, mango::scale_by_adam{}); }
#else
auto rules() { return mango::chain(mango::scale_by_adam{}, mango::clip_by_global_norm{1.0}); }
#endif
