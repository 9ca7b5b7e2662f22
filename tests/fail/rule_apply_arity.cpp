// expect: static.assert.* "?mango: a rule declares 'static float apply\(const frame&, float u, float& slot...\)'
#include "mango/rule/chain.hpp"
#include "mango/rule/learning_rate.hpp"

struct lion {
#if defined(MANGO_FAIL_FIXED)
  static constexpr std::array slots{mango::slot{"m"}};
#else
  static constexpr std::array slots{mango::slot{"m"}, mango::slot{"v"}};  // two are declared, one is taken
#endif
  struct frame {};
  frame fold(const mango::step_info&) const { return {}; }
  MANGO_HD static float apply(const frame&, float u, float& m) {
    const float c = 0.9f * m + 0.1f * u;
    m = 0.99f * m + 0.01f * u;
    return c > 0 ? 1.0f : -1.0f;
  }
};
auto rules() { return mango::chain(lion{}, mango::scale_by_learning_rate{}); }
