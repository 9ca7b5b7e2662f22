// A trainer that knows nothing of this library but one header: f(w) = 1/2 sum_i a_i (w_i - c_i)^2, minimised by AdamW
// through spans. Every project in this folder builds and runs it.
#include <mango/optim/adamw.hpp>

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <span>
#include <vector>

int main() {
  constexpr std::ptrdiff_t n = 37;  // no multiple of any vector width
  std::vector<float> w(n), g(n), a(n), c(n);
  for (std::size_t i = 0; i < w.size(); ++i) {
    a[i] = 0.5f + 0.1f * static_cast<float>(i);
    c[i] = static_cast<float>(i) / 8.f - 2.f;
  }

  mango::adamw opt{{.learning_rate = 0.1, .weight_decay = 0}};
  const auto W = opt.add("w", {.shape = {n}});
  for (int t = 0; t < 400; ++t) {
    for (std::size_t i = 0; i < w.size(); ++i) g[i] = a[i] * (w[i] - c[i]);
    auto step = opt.begin_step();
    step.update(W, std::span<float>{w}, std::span<const float>{g});
  }

  float worst = 0;
  for (std::size_t i = 0; i < w.size(); ++i) worst = std::fmax(worst, std::fabs(w[i] - c[i]));
  std::printf("largest distance to the minimum: %g\n", static_cast<double>(worst));
  return worst < 1e-2f ? 0 : 1;
}
