// One optimizer with one tensor: what a trainer that uses AdamW compiles beyond the header.
#include <span>

#include "mango/optim/adamw.hpp"

void train(std::span<float> w, std::span<const float> g, int steps) {
  mango::adamw opt{{.learning_rate = 1e-3, .weight_decay = 0.01}};
  const auto id = opt.add("w", {.shape = {static_cast<mango::index_t>(w.size())}});
  for (int t = 0; t < steps; ++t) {
    auto step = opt.begin_step();
    step.update(id, w, g);
  }
}
