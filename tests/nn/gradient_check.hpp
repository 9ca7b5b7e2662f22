#pragma once
// Compares hand-written backward passes with differences of the forward pass, in double.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "mango/nn/matrix.hpp"

namespace gradient_check {

using mango::index_t;
using mango::nn::matrix;

/// Uniform in [low, high], the same on every run.
inline matrix<double> random_matrix(index_t rows, index_t columns, unsigned seed, double low = -1, double high = 1) {
  std::mt19937_64 engine(seed);
  std::uniform_real_distribution<double> uniform(low, high);
  matrix<double> m(rows, columns);
  for (index_t i = 0; i < m.size(); ++i) m.data()[i] = uniform(engine);
  return m;
}

/// The largest |gradient[i] - d loss / d value[i]| over the largest |d loss / d value[i]|. The derivative is the
/// central difference of fourth order: its truncation error is of order 1e-12 at this step, so a bound of 1e-6
/// measures the gradient. Infinite when the derivative vanishes everywhere, for then nothing was checked.
template <class Loss> double gradient_error(std::span<double> value, std::span<const double> gradient, Loss&& loss) {
  constexpr double h = 1e-3;
  double error = 0, largest = 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const double here = value[i];
    const auto at = [&](double offset) {
      value[i] = here + offset;
      return loss();
    };
    const double slope = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
    value[i] = here;
    error = std::max(error, std::abs(slope - gradient[i]));
    largest = std::max(largest, std::abs(slope));
  }
  return largest > 1e-6 ? error / largest : std::numeric_limits<double>::infinity();
}

inline std::span<double> elements(matrix<double>& m) { return {m.data(), static_cast<std::size_t>(m.size())}; }

/// A parameter as each_parameter reports it.
struct visited {
  std::string name;
  std::span<double> value, gradient;
};

template <class Layer> std::vector<visited> parameters_of(Layer& layer) {
  std::vector<visited> all;
  layer.each_parameter("", [&](const std::string& name, std::span<double> value, std::span<double> gradient,
                               const std::vector<index_t>&) { all.push_back({name, value, gradient}); });
  return all;
}

/// Fills every parameter with uniform numbers in [-1, 1]: nothing stays at the zero or one it starts with.
template <class Layer> void randomise(Layer& layer, unsigned seed) {
  for (const auto& p : parameters_of(layer)) {
    const auto m = random_matrix(1, static_cast<index_t>(p.value.size()), seed++);
    std::copy(m.data(), m.data() + m.size(), p.value.begin());
  }
}

/// Checks every parameter of `layer` against loss(), then that a second backward() adds the same gradients again.
template <class Layer, class Loss, class Backward>
void check_parameters(Layer& layer, Loss&& loss, Backward&& backward) {
  std::vector<std::vector<double>> once;
  for (const auto& p : parameters_of(layer)) {
    CAPTURE(p.name);
    CHECK(gradient_error(p.value, p.gradient, loss) < 1e-6);
    once.emplace_back(p.gradient.begin(), p.gradient.end());
  }
  loss();
  backward();
  std::size_t i = 0;
  for (const auto& p : parameters_of(layer)) {
    CAPTURE(p.name);
    double difference = 0;
    for (std::size_t j = 0; j < p.gradient.size(); ++j)
      difference = std::max(difference, std::abs(p.gradient[j] - 2 * once[i][j]));
    CHECK(difference < 1e-12);
    ++i;
  }
}

/// All gradients of a layer with forward(x, y) and backward(dy, dx) at `x`, along a random direction of the output.
/// The layer first works on another batch size, so that leftovers in its buffers would show.
template <class Layer> void check_layer(Layer layer, matrix<double> x) {
  CAPTURE(x.rows());
  randomise(layer, 1);
  matrix<double> y, dx, twice(2 * x.rows(), x.cols());
  twice << 3 * x, -2 * x;
  layer.forward(twice, y);
  layer.backward(random_matrix(y.rows(), y.cols(), 2), dx);

  layer.forward(x, y);
  const matrix<double> direction = random_matrix(y.rows(), y.cols(), 3);
  const auto loss = [&] {
    layer.forward(x, y);
    return y.cwiseProduct(direction).sum();
  };
  mango::nn::zero_gradients(layer);
  layer.backward(direction, dx);
  CHECK(gradient_error(elements(x), elements(dx), loss) < 1e-6);
  const matrix<double> first = dx;
  check_parameters(layer, loss, [&] { layer.backward(direction, dx); });
  CHECK((dx - first).cwiseAbs().maxCoeff() < 1e-12);  // overwritten, not added to
}

/// For layers that can leave dx out: the gradients of the parameters are the same bits.
template <class Layer> void check_without_dx(Layer layer, const matrix<double>& x) {
  randomise(layer, 1);
  Layer other = layer;
  matrix<double> y, dx;
  layer.forward(x, y);
  other.forward(x, y);
  const matrix<double> direction = random_matrix(y.rows(), y.cols(), 3);
  layer.backward(direction, dx);
  other.backward(direction);
  const auto a = parameters_of(layer), b = parameters_of(other);
  for (std::size_t i = 0; i < a.size(); ++i)
    CHECK(std::equal(a[i].gradient.begin(), a[i].gradient.end(), b[i].gradient.begin()));
}

/// The sentence that `call` raises; empty when it does not.
template <class Call> std::string sentence_of(Call&& call) {
  try {
    call();
  } catch (const std::exception& e) {
    return e.what();
  }
  return {};
}

}  // namespace gradient_check
