// expect: static.assert.* "?mango: a rule declares 'static float apply\(const frame&, float u, float& slot...\)'
#include "mango/rule/chain.hpp"
#include "mango/rule/learning_rate.hpp"

struct halve {
  static constexpr std::array<mango::slot, 0> slots{};
  struct frame {};
  frame fold(const mango::step_info&) const { return {}; }
#if defined(MANGO_FAIL_FIXED)
  MANGO_HD static float apply(const frame&, float u) { return u * 0.5f; }
#else
  MANGO_HD static void apply(const frame&, float& u) { u *= 0.5f; }
#endif
};
auto rules() { return mango::chain(halve{}, mango::scale_by_learning_rate{}); }
