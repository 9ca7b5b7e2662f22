// Fused backward: each tensor is updated as soon as its gradient exists, and that gradient's memory is used again. The
// whole network never holds more than one gradient. Then the same with clipping by the norm of all gradients, which
// needs every gradient before the first update: two backward passes, and still one gradient at a time.
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "mango/optim/adamw.hpp"

constexpr std::size_t layers = 8, size = 4096;

// Stands for backpropagation: the gradient of 0.5 |w - target|^2, one layer at a time, last layer first.
template <class F> void backward(const std::vector<std::vector<float>>& w, std::vector<float>& gradient, F each) {
  for (std::size_t l = layers; l-- > 0;) {
    for (std::size_t i = 0; i < size; ++i) gradient[i] = w[l][i] - 0.1f * static_cast<float>(l);
    each(l);
  }
}

double train(double max_norm) {
  std::vector<std::vector<float>> w(layers, std::vector<float>(size, 1.0f));
  std::vector<float> gradient(size);  // the only one
  mango::adamw opt{{.learning_rate = 0.01, .weight_decay = 0, .max_norm = max_norm}};
  std::vector<mango::tensor_id> id;
  for (std::size_t l = 0; l < layers; ++l) id.push_back(opt.add("layer" + std::to_string(l), size));

  for (int i = 0; i < 400; ++i) {
    const auto step = opt.begin_step();
    if (max_norm > 0) backward(w, gradient, [&](std::size_t l) { step.measure(id[l], gradient); });
    backward(w, gradient, [&](std::size_t l) { step.update(id[l], w[l], gradient); });
  }
  double worst = 0;
  for (std::size_t l = 0; l < layers; ++l)
    worst = std::max(worst, std::abs(static_cast<double>(w[l][0]) - 0.1 * static_cast<double>(l)));
  std::printf("max_norm %g: %zu bytes of gradient held for %zu parameters, largest error %.4f\n", max_norm,
              size * sizeof(float), layers * size, worst);
  return worst;
}

int main() { return train(0) < 0.01 && train(1.0) < 0.01 ? 0 : 1; }
