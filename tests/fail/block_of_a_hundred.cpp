// expect: static.assert.* "?mango: dynamic8 takes blocks of a power of two
#include "mango/store/dynamic8.hpp"

#if defined(MANGO_FAIL_FIXED)
using memory = mango::dynamic8<128>;
#else
using memory = mango::dynamic8<100>;
#endif

memory in_blocks;
