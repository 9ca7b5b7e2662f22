// expect: error: (no matching|could not convert|constraints not satisfied|no viable)
#include "mango/core/shape.hpp"

#if defined(MANGO_FAIL_FIXED)
const mango::shape extents{1, 2, 3, 4, 5, 6, 7, 8};
#else
const mango::shape extents{1, 2, 3, 4, 5, 6, 7, 8, 9};
#endif
