// Gradient accumulation with fused updates and a global-norm clip: every micro-batch hands over each gradient and frees
// it; the last one measures; then all tensors are updated from what was accumulated.
#include <cmath>
#include <cstdio>
#include <vector>

#include "mango/optim/adamw.hpp"

int main() {
  constexpr int micro_batches = 4;
  std::vector<float> a(1000, 1.0f), b(10, -1.0f), gradient(1000);
  mango::adamw opt{{.learning_rate = 0.01, .weight_decay = 0, .max_norm = 1, .options = {.accumulate = true}}};
  const auto A = opt.add("a", a.size()), B = opt.add("b", b.size());

  // the gradient of 0.5 |w - 0.25|^2 on one micro-batch, in memory that is used again for the next tensor
  const auto backward = [&](const std::vector<float>& w) {
    gradient.resize(w.size());
    for (std::size_t i = 0; i < w.size(); ++i) gradient[i] = w[i] - 0.25f;
  };

  for (int i = 0; i < 500; ++i) {
    for (int k = 0; k + 1 < micro_batches; ++k) {
      backward(a), opt.accumulate(A, gradient);
      backward(b), opt.accumulate(B, gradient);
    }
    const auto step = opt.begin_step({.gradient_scale = 1.0 / micro_batches});
    backward(a), step.measure(A, gradient);  // the last micro-batch joins the accumulator and the norm
    backward(b), step.measure(B, gradient);
    step.update(A, a);  // from the accumulator, clipped; it is empty afterwards
    step.update(B, b);
  }
  std::printf("a %.3f, b %.3f (0.250 wanted); %zu bytes: 8 of moments and 4 of accumulator per parameter\n",
              static_cast<double>(a[0]), static_cast<double>(b[0]), opt.state_bytes());
  return std::abs(a[0] - 0.25f) < 0.02f && std::abs(b[0] - 0.25f) < 0.02f ? 0 : 1;
}
