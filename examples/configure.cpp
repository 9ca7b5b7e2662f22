// Configuration: schedules, groups, stores, skipping of bad gradients; the same from text; and what is really used.
#include <cstdio>
#include <limits>
#include <vector>

#include "mango/optim/factory.hpp"

int main() {
  std::vector<float> weight(256 * 64, 0.1f), bias(64), weight_grad(weight.size(), 1e-3f), bias_grad(64, 1e-3f);

  // Moments in bfloat16: 4 bytes of state per parameter instead of 8.
  mango::adamw<mango::stores<mango::bf16, mango::bf16>> opt{{
      .learning_rate = mango::warmup_cosine{.peak = 3e-4, .warmup = 10, .total = 100},
      .b2 = 0.95,
      .weight_decay = 0.1,
      .max_norm = 1.0,
      .options = {.on_nonfinite = mango::nonfinite::skip, .seed = 42},
  }};
  auto no_decay = mango::adamw_config{.learning_rate = 3e-4, .weight_decay = 0, .max_norm = 1.0};
  opt.group({.max_dimensions = 1}, no_decay);  // biases and norms
  opt.add("dense.weight", {.shape = {64, 256}}, weight, weight_grad);
  opt.add("dense.bias", {.shape = {64}}, bias, bias_grad);
  for (int i = 0; i < 20; ++i) opt.step();

  weight_grad[7] = std::numeric_limits<float>::quiet_NaN();
  const bool applied = opt.step().applied;
  std::printf("%sstep with a NaN applied: %s, skipped so far: %lld\n\n", opt.describe().c_str(), applied ? "yes" : "no",
              static_cast<long long>(opt.counters().skipped_steps));

  // The same choices at run time, from a name and text.
  auto from_text = mango::make_optimizer("adamw:stores=bf16,b2=0.95,weight_decay=0.1,max_norm=1,on_nonfinite=skip");
  from_text.add("dense.weight", {.shape = {64, 256}}, weight, weight_grad);
  std::printf("%s", from_text.describe().c_str());

  try {
    mango::make_optimizer("adamw:b2=1.5");
  } catch (const mango::error& e) {
    std::printf("\nrefused: %s\n", e.what());
    return applied ? 1 : 0;
  }
  return 1;
}
