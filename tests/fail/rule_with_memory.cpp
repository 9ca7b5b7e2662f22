// expect: static.assert.* "?mango: a rule holds plain numbers; what it computes goes into slots
#include <vector>

#include "mango/optim/optimizer.hpp"
#include "mango/rule/learning_rate.hpp"

struct halve {
#if !defined(MANGO_FAIL_FIXED)
  std::vector<float> history{};
#endif
  static constexpr std::array<mango::slot, 0> slots{};
  struct frame {};
  frame fold(const mango::step_info&) const { return {}; }
  template <class T> MANGO_HD static T apply(const frame&, T u) { return u * 0.5f; }
};

void train() { mango::optimizer opt{mango::chain(halve{}, mango::scale_by_learning_rate{}), mango::stores<>{}}; }
