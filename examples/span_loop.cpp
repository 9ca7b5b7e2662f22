// The smallest trainer: two arrays and a loop. No framework, no Eigen.
// Fits y = 3 x - 1 by gradient descent on the mean squared error.
#include <cmath>
#include <cstdio>
#include <vector>

#include "mango/optim/adamw.hpp"

int main() {
  std::vector<float> w(2), g(2);  // slope and intercept, and their gradients: the trainer's own memory

  mango::adamw opt{{.learning_rate = 0.05, .weight_decay = 0}};
  const auto id = opt.add("line", w.size());  // the only allocation: 8 bytes of state per parameter

  for (int i = 0; i < 500; ++i) {
    g = {0, 0};
    for (float x = -1; x <= 1; x += 0.125f) {
      const float error = w[0] * x + w[1] - (3 * x - 1);
      g[0] += 2 * error * x / 17;
      g[1] += 2 * error / 17;
    }
    auto step = opt.begin_step();
    step.update(id, w, g);
  }

  std::printf("y = %.3f x %+.3f with %zu bytes of state\n", static_cast<double>(w[0]), static_cast<double>(w[1]),
              opt.state_bytes());
  return std::abs(w[0] - 3) < 0.01f && std::abs(w[1] + 1) < 0.01f ? 0 : 1;
}
