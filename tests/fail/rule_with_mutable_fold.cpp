// expect: static.assert.* "?mango: a rule declares 'struct frame' and 'frame fold\(const mango::step_info&\) const'
#include "mango/rule/chain.hpp"
#include "mango/rule/learning_rate.hpp"

#if defined(MANGO_FAIL_FIXED)
#define THE_SAME_EVERY_TIME const
#else
#define THE_SAME_EVERY_TIME
#endif

struct halve {
  static constexpr std::array<mango::slot, 0> slots{};
  struct frame {};
  frame fold(const mango::step_info&) THE_SAME_EVERY_TIME { return {}; }
  template <class T> MANGO_HD static T apply(const frame&, T u) { return u * 0.5f; }
};
auto rules() { return mango::chain(halve{}, mango::scale_by_learning_rate{}); }
