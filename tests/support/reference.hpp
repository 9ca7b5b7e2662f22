#pragma once
// The textbook twins: optimizers as the papers write them, in double, one plain loop each. Nothing here includes the
// library, and nothing is folded, fused or rounded; what a twin and the library agree on is the formula.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace reference {

using numbers = std::vector<double>;

/// The three quotients in use for Adam, by the code that spread them.
enum class convention { torch, hf, bnb };

/// Adam, Kingma & Ba 2015, Algorithm 1; AdamW, Loshchilov & Hutter 2019, Algorithm 2 (with the schedule in lr).
struct adam {
  double lr = 1e-3, b1 = 0.9, b2 = 0.999, eps = 1e-8;
  convention form = convention::torch;
  double decay = 0;
  bool corrected = true;     // by 1 - b^t
  bool coupled = false;      // decay joins the gradient instead of shrinking the weights
  bool decay_after = false;  // decoupled decay acts on the updated weights (Hugging Face)
  std::int64_t t = 0;
  numbers m{}, v{};

  /// What is subtracted from the parameter, divided by the learning rate. Advances t, m and v.
  numbers direction(const numbers& gradient) {
    m.resize(gradient.size());
    v.resize(gradient.size());
    ++t;
    const double bc1 = corrected ? 1 - std::pow(b1, t) : 1, bc2 = corrected ? 1 - std::pow(b2, t) : 1;
    numbers u(gradient.size());
    for (std::size_t i = 0; i < u.size(); ++i) {
      const double g = gradient[i];
      m[i] = b1 * m[i] + (1 - b1) * g;
      v[i] = b2 * v[i] + (1 - b2) * g * g;
      if (form == convention::torch) {
        const double m_hat = m[i] / bc1, v_hat = v[i] / bc2;
        u[i] = m_hat / (std::sqrt(v_hat) + eps);
      } else if (form == convention::hf) {
        u[i] = std::sqrt(bc2) / bc1 * (m[i] / (std::sqrt(v[i]) + eps));
      } else {
        u[i] = std::sqrt(bc2) / bc1 * (m[i] / (std::sqrt(v[i]) + eps * std::sqrt(bc2)));
      }
    }
    return u;
  }

  void step(numbers& p, numbers g) {
    if (coupled)
      for (std::size_t i = 0; i < p.size(); ++i) g[i] += decay * p[i];
    const numbers u = direction(g);
    const double shrink = coupled ? 0 : lr * decay;
    for (std::size_t i = 0; i < p.size(); ++i) {
      if (!decay_after) p[i] = p[i] - shrink * p[i];
      p[i] = p[i] - lr * u[i];
      if (decay_after) p[i] = p[i] - shrink * p[i];
    }
  }
};

/// Lion, Chen et al. 2023, Algorithm 2; the decay acts on the weights before the step.
struct lion {
  double lr = 1e-4, b1 = 0.9, b2 = 0.99;
  double decay = 0;
  numbers m{};

  /// What is subtracted from the parameter, divided by the learning rate. Advances m.
  numbers direction(const numbers& gradient) {
    m.resize(gradient.size());
    numbers u(gradient.size());
    for (std::size_t i = 0; i < u.size(); ++i) {
      const double c = b1 * m[i] + (1 - b1) * gradient[i];
      u[i] = c > 0 ? 1 : c < 0 ? -1 : 0;
      m[i] = b2 * m[i] + (1 - b2) * gradient[i];
    }
    return u;
  }

  void step(numbers& p, const numbers& g) {
    const numbers u = direction(g);
    for (std::size_t i = 0; i < p.size(); ++i) p[i] = p[i] - lr * decay * p[i] - lr * u[i];
  }
};

/// What a moment is between two steps of SMMF, Park & Lee 2025, Algorithms 2-4: a matrix as nearly square as the number
/// of elements divides, kept as row sums, column sums that add up to 1, and for a signed one whether each number is
/// positive.
struct factored_moment {
  std::size_t d1 = 0, d2 = 0;
  numbers rows{}, columns{};
  std::vector<bool> positive{};

  explicit factored_moment(std::size_t n) {
    for (std::size_t i = 1; i * i <= n; ++i)
      if (n % i == 0) d2 = i, d1 = n / i;
    rows.resize(d1), columns.resize(d2), positive.resize(n);
  }
  numbers magnitudes() const {
    numbers x(d1 * d2);
    for (std::size_t k = 0; k < x.size(); ++k) x[k] = rows[k / d2] * columns[k % d2];
    return x;
  }
  numbers decompress() const {
    numbers x = magnitudes();
    for (std::size_t k = 0; k < x.size(); ++k) x[k] = positive[k] ? x[k] : -x[k];
    return x;
  }
  void compress(const numbers& x) {
    rows.assign(d1, 0), columns.assign(d2, 0);
    double total = 0;
    for (std::size_t k = 0; k < x.size(); ++k) {
      rows[k / d2] += std::abs(x[k]);
      columns[k % d2] += std::abs(x[k]);
      total += std::abs(x[k]);
      positive[k] = x[k] > 0;
    }
    for (double& c : columns) c = total > 0 ? c / total : 0;
  }
};

/// SMMF, Park & Lee 2025, Algorithm 1; the decay acts on the weights before the step. Without momentum m is g.
struct smmf {
  double lr = 1e-3, beta = 0.9, eps = 1e-8, decay_rate = -0.5, growth_rate = 0.999;
  double decay = 0;
  bool lazy = true;  // a number whose gradient is zero has no momentum in that step
  std::int64_t t = 0;
  factored_moment m, v;

  explicit smmf(std::size_t n) : m(n), v(n) {}
  numbers direction(const numbers& g) {
    ++t;
    const double b1 = beta * std::pow(growth_rate, t - 1), b2 = 1 - std::pow(t, decay_rate);
    numbers mean = m.decompress(), square = v.magnitudes(), u(g.size());
    for (std::size_t k = 0; k < g.size(); ++k) {
      if (lazy && g[k] == 0) mean[k] = 0;
      mean[k] = b1 * mean[k] + (1 - b1) * g[k];
      square[k] = b2 * square[k] + (1 - b2) * g[k] * g[k];
      u[k] = mean[k] / (std::sqrt(square[k]) + eps);
    }
    m.compress(mean);
    v.compress(square);
    return u;
  }
  void step(numbers& p, const numbers& g) {
    const numbers u = direction(g);
    for (std::size_t k = 0; k < p.size(); ++k) p[k] = p[k] - lr * decay * p[k] - lr * u[k];
  }
};

/// The root mean square of some numbers.
inline double rms(const numbers& x) {
  double sum = 0;
  for (const double each : x) sum += each * each;
  return x.empty() ? 0 : std::sqrt(sum / static_cast<double>(x.size()));
}

/// Adafactor, Shazeer & Stern 2018, Algorithms 4 (a matrix of d1 x d2) and 5 (a vector: d1 = 0); the relative step of
/// section 8 in `lr`. The first moment is of the step without the rate; the decay acts on the weights before the step.
struct adafactor {
  double lr = 1e-2, b1 = 0, decay_rate = -0.8, eps1 = 1e-30, d = 1, eps2 = 1e-3;
  bool relative = true;  // to the size of the weights
  double decay = 0;
  std::size_t d1 = 0, d2 = 0;
  std::int64_t t = 0;
  numbers rows{}, columns{}, v{}, m{};

  /// V of this step: the row sums times the column sums over the sum of all, or the average itself.
  numbers second_moment(const numbers& g) {
    const double b2 = 1 - std::pow(t, decay_rate);
    rows.resize(d1), columns.resize(d2), v.resize(g.size());
    if (d1 == 0) {
      for (std::size_t k = 0; k < g.size(); ++k) v[k] = b2 * v[k] + (1 - b2) * (g[k] * g[k] + eps1);
      return v;
    }
    for (double& r : rows) r *= b2;
    for (double& c : columns) c *= b2;
    for (std::size_t k = 0; k < g.size(); ++k) {
      rows[k / d2] += (1 - b2) * (g[k] * g[k] + eps1);
      columns[k % d2] += (1 - b2) * (g[k] * g[k] + eps1);
    }
    double total = 0;
    for (const double r : rows) total += r;
    for (std::size_t k = 0; k < g.size(); ++k) v[k] = rows[k / d2] * (columns[k % d2] / total);
    return v;
  }
  void step(numbers& p, const numbers& g) {
    ++t;
    const numbers square = second_moment(g);
    numbers u(g.size());
    for (std::size_t k = 0; k < g.size(); ++k) u[k] = g[k] == 0 ? 0 : g[k] / std::sqrt(square[k]);
    const double clip = d > 0 ? std::max(1.0, rms(u) / d) : 1, scale = relative ? std::max(eps2, rms(p)) : 1;
    m.resize(g.size());
    for (std::size_t k = 0; k < g.size(); ++k) {
      m[k] = b1 * m[k] + (1 - b1) * scale * u[k] / clip;
      p[k] = p[k] - lr * decay * p[k] - lr * m[k];
    }
  }
};

/// SGD with heavy-ball or Nesterov momentum and dampening, Sutskever et al. 2013 as torch.optim.SGD documents it.
struct sgd {
  double lr = 1e-3, momentum = 0, dampening = 0;
  bool nesterov = false;
  double decay = 0;
  bool decoupled = false;
  std::int64_t t = 0;
  numbers buffer{};

  /// What is subtracted from the parameter, divided by the learning rate. Advances t and the buffer.
  numbers direction(numbers g) {
    ++t;
    if (momentum == 0) return g;
    if (t == 1) buffer = g;
    else
      for (std::size_t i = 0; i < g.size(); ++i) buffer[i] = momentum * buffer[i] + (1 - dampening) * g[i];
    if (!nesterov) return buffer;
    for (std::size_t i = 0; i < g.size(); ++i) g[i] = g[i] + momentum * buffer[i];
    return g;
  }

  void step(numbers& p, numbers g) {
    for (std::size_t i = 0; i < p.size(); ++i) {
      if (decoupled) p[i] = p[i] - lr * decay * p[i];
      else g[i] = g[i] + decay * p[i];
    }
    const numbers u = direction(g);
    for (std::size_t i = 0; i < p.size(); ++i) p[i] = p[i] - lr * u[i];
  }
};

/// The L2 norm of several gradients together.
inline double norm(const std::vector<numbers>& gradients) {
  double sum = 0;
  for (const numbers& g : gradients)
    for (const double x : g) sum += x * x;
  return std::sqrt(sum);
}

/// Pascanu et al. 2013, Algorithm 1, with the constant of torch.nn.utils.clip_grad_norm_. Returns the norm before.
inline double clip_by_global_norm(std::vector<numbers>& gradients, double max_norm) {
  const double before = norm(gradients), factor = max_norm / (before + 1e-6);
  if (factor < 1)
    for (numbers& g : gradients)
      for (double& x : g) x *= factor;
  return before;
}

/// Every element into [-limit, limit].
inline void clip_by_value(numbers& g, double limit) {
  for (double& x : g) x = std::min(std::max(x, -limit), limit);
}

/// Polyak & Juditsky 1992 as an exponential average whose first value is the first weight.
struct weight_average {
  double decay = 0.999, warm = 9;
  std::int64_t t = 0;
  numbers average{};

  void step(const numbers& p) {
    average.resize(p.size());
    ++t;
    const double keep = std::min(decay, static_cast<double>(t - 1) / (static_cast<double>(t) + warm));
    for (std::size_t i = 0; i < p.size(); ++i) average[i] = keep * average[i] + (1 - keep) * p[i];
  }
};

}  // namespace reference
