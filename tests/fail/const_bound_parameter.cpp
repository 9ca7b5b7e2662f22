// expect: static.assert.* "?mango: the parameter is written to, so its span must not be const
#include <vector>

#include "mango/optim/sgd.hpp"

#if defined(MANGO_FAIL_FIXED)
using weights = std::vector<float>;
#else
using weights = const std::vector<float>;
#endif

void bind(mango::sgd<>& opt, mango::tensor_id w, weights& p, const std::vector<float>& g) { opt.bind(w, p, g); }
