// expect: static.assert.* "?mango: a factored store and one with a scale per block do not go together
#include <vector>

#include "mango/optim/adamw.hpp"
#include "mango/store/dynamic8.hpp"
#include "mango/store/factored.hpp"

#if defined(MANGO_FAIL_FIXED)
using memory = mango::stores<mango::fp32, mango::factored<>>;
#else
using memory = mango::stores<mango::dynamic8<>, mango::factored<>>;
#endif

void step(mango::adamw<memory>& opt, mango::tensor_id id, std::vector<float>& w, const std::vector<float>& g) {
  opt.begin_step().update(id, w, g);
}
