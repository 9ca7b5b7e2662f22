// expect: error: (template )?constraint(s not satisfied| failure)
#include "mango/store/fp32.hpp"

#if defined(MANGO_FAIL_FIXED)
using kept = mango::fp32;
#else
using kept = float;
#endif

mango::stores<kept, mango::fp32> memory;
