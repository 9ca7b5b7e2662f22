// expect: static.assert.* "?mango: a rule declares 'static constexpr std::array slots
#include "mango/rule/chain.hpp"
#include "mango/rule/learning_rate.hpp"

struct halve {
#if defined(MANGO_FAIL_FIXED)
  static constexpr std::array<mango::slot, 0> slots{};
#endif
  struct frame {};
  frame fold(const mango::step_info&) const { return {}; }
  template <class T> MANGO_HD static T apply(const frame&, T u) { return u * 0.5f; }
};
auto rules() { return mango::chain(halve{}, mango::scale_by_learning_rate{}); }
