#pragma once
// Weight decay towards where the weights began: for fine-tuning.
#include "mango/rule/learning_rate.hpp"

namespace mango::inline MANGO_ABI {

/// u <- u - lr wd (p - anchor), anchor the weights before the first update: decoupled decay that pulls a fine-tuned
/// model back to what it was fine-tuned from instead of to 0. After the rule with the learning rate, where u is what is
/// added to p; give it the same rate. From the collection of "advanced optimizers" ("centered weight decay"); the same
/// pull as L2-SP, Li, Grandvalet & Davoine 2018, arXiv:1802.01483, decoupled.
/// State: the anchor. Keep it in fp32: it is written anew at every step, and a store that rounds would let it wander.
struct centered_decay {
  schedule learning_rate = 1e-3;
  double weight_decay = 0;

  static constexpr std::array slots{slot{"anchor"}};
  struct frame {
    float pull;
    bool starts;
  };
  MANGO_HOST_DEVICE frame fold(const step_info& s) const {
    const double lr = step_length_at(learning_rate, s);
    return {static_cast<float>(-lr * weight_decay), s.t == 1};
  }
  template <class F> void hyperparameters(F&& f) const {
    mango::hyperparameters(learning_rate, f);
    f("centered_decay", weight_decay, zero_or_more);
  }
  template <class T> MANGO_HD static T apply(const frame& k, T u, T p, T& anchor) {
    if (k.starts) anchor = p;
    return u + k.pull * (p - anchor);
  }
};

}  // namespace mango
