// A rule of your own: what happens to one number. Here the sign of the momentum, with its magnitude kept bounded
// ("normalised momentum"), composed with the library's decay and learning rate.
#include <cmath>
#include <cstdio>
#include <vector>

#include "mango/optim/optimizer.hpp"
#include "mango/rule/weight_decay.hpp"

/// m <- b m + (1-b) u;  u <- m / (|m| + floor).
struct soft_sign_momentum {
  double b = 0.9, floor = 1e-3;

  static constexpr std::array slots{mango::slot{"m"}};  // one number of state per parameter
  struct frame {
    float b, c, floor;
  };
  frame fold(const mango::step_info&) const {  // once per step, in double
    return {static_cast<float>(b), static_cast<float>(1 - b), static_cast<float>(floor)};
  }
  template <class T> static T apply(const frame& k, T u, T& m) {  // T is a float, or a packet of them
    m = k.b * m + k.c * u;
    return m / (mango::math::abs(m) + k.floor);
  }
  template <class F> void hyperparameters(F&& f) const {  // optional: checked at construction, shown by describe()
    f("b", b, mango::fraction);
    f("floor", floor, mango::interval{1e-8, 1});
  }
};
static_assert(mango::update_rule<soft_sign_momentum>);

int main() {
  std::vector<float> w(1000, 2.0f), g(1000);
  mango::optimizer opt{
      mango::chain(soft_sign_momentum{}, mango::decoupled_step{.learning_rate = 0.01, .weight_decay = 0.01}),
      mango::stores<mango::fp32>{}};
  const auto id = opt.add("w", w.size());
  for (int i = 0; i < 1000; ++i) {
    for (std::size_t k = 0; k < w.size(); ++k) g[k] = w[k] - 0.5f;  // of (w - 0.5)^2 / 2
    const auto step = opt.begin_step();
    step.update(id, w, g);
  }
  std::printf("%sw[0] = %.3f\n", opt.describe("soft sign").c_str(), static_cast<double>(w[0]));
  return std::abs(w[0] - 0.5f) < 0.05f ? 0 : 1;
}
