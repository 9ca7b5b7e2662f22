// expect: static.assert.* "?mango: a rule declares 'struct frame' and 'frame fold\(const mango::step_info&\) const'
#include "mango/rule/chain.hpp"
#include "mango/rule/learning_rate.hpp"

struct halve {
  static constexpr std::array<mango::slot, 0> slots{};
  struct frame {};
#if defined(MANGO_FAIL_FIXED)
  frame fold(const mango::step_info&) const { return {}; }
#endif
  template <class T> MANGO_HD static T apply(const frame&, T u) { return u * 0.5f; }
};
auto rules() { return mango::chain(halve{}, mango::scale_by_learning_rate{}); }
