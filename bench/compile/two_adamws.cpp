// A second optimizer in the same file, over other stores: what each further instantiation costs.
#include "one_adamw.cpp"

void train_in_bf16(std::span<float> w, std::span<const float> g, int steps) {
  mango::adamw<mango::stores<mango::bf16, mango::bf16>> opt{{.learning_rate = 1e-3, .weight_decay = 0.01}};
  const auto id = opt.add("w", {.shape = {static_cast<mango::index_t>(w.size())}});
  for (int t = 0; t < steps; ++t) {
    auto step = opt.begin_step();
    step.update(id, w, g);
  }
}
