#pragma once
// More textbook twins: what steers, surveys and learns, as the papers write it, in double, one plain loop each. Nothing
// here includes the library.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace reference {

using numbers = std::vector<double>;

inline double dot(const numbers& a, const numbers& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// An exponential average of the gradient, Kingma & Ba 2015; corrected: divided by 1 - b^t.
struct gradient_average {
  double b1 = 0.9;
  bool corrected = false;
  std::int64_t t = 0;
  numbers m{};

  numbers direction(const numbers& g) {
    m.resize(g.size());
    ++t;
    numbers u(g.size());
    for (std::size_t i = 0; i < g.size(); ++i) {
      m[i] = b1 * m[i] + (1 - b1) * g[i];
      u[i] = corrected ? m[i] / (1 - std::pow(b1, t)) : m[i];
    }
    return u;
  }
};

/// Cautious updates, Liang et al. 2024, Algorithm 1 with the scale of the authors' AdamW, or (`per_count`) of their
/// Lion.
inline numbers cautious(numbers u, const numbers& g, double floor = 1e-3, bool per_count = false) {
  double agreeing = 0;
  for (std::size_t i = 0; i < u.size(); ++i) agreeing += u[i] * g[i] > 0 ? 1 : 0;
  const auto n = static_cast<double>(u.size());
  const double scale = per_count ? n / (agreeing + 1) : 1 / std::max(agreeing / n, floor);
  for (std::size_t i = 0; i < u.size(); ++i) u[i] = u[i] * g[i] > 0 ? u[i] * scale : 0;
  return u;
}

/// Grams, Cao, Li & Song 2024, Algorithm 1: the gradient's sign and momentum's size.
inline numbers grams(numbers u, const numbers& g) {
  for (std::size_t i = 0; i < u.size(); ++i) u[i] = g[i] == 0 ? 0 : std::copysign(u[i], g[i]);
  return u;
}

/// Nesterov's look-ahead, Dozat 2016: the average that one more step with the same gradient would give.
inline numbers nesterov(numbers u, const numbers& g, double b1) {
  for (std::size_t i = 0; i < u.size(); ++i) u[i] = b1 * u[i] + (1 - b1) * g[i];
  return u;
}

/// The warm-up of an averaging coefficient, Pagliardini et al. 2024, Appendix A.1 and the code: between the two, the
/// number of steps after which half is forgotten, less one, grows along a line.
inline double half_life_warmup(double start, double end, std::int64_t t, std::int64_t steps) {
  if (t >= steps) return end;
  const double done = static_cast<double>(t) / static_cast<double>(steps);
  const double first = std::log(0.5) / std::log(start + 1e-8), last = std::log(0.5) / std::log(end + 1e-8);
  return std::exp2(-1 / (first + done * (last - first)));
}

/// AdEMAMix's slow average, Pagliardini et al. 2024, Algorithm 1, with its schedules of alpha and b3.
struct slow_average {
  double b3 = 0.9999, alpha = 5, b1 = 0.9;
  std::int64_t alpha_warmup = 0, b3_warmup = 0;
  std::int64_t t = 0;
  numbers m{};

  numbers direction(numbers u, const numbers& g) {
    m.resize(g.size());
    ++t;
    const double b = half_life_warmup(b1, b3, t, b3_warmup);
    const double a = t < alpha_warmup ? alpha * static_cast<double>(t) / static_cast<double>(alpha_warmup) : alpha;
    for (std::size_t i = 0; i < g.size(); ++i) {
      m[i] = b * m[i] + (1 - b) * g[i];
      u[i] += a * m[i];
    }
    return u;
  }
};

/// Where Adam's quotient becomes an angle, Everett et al. 2024: nowhere, around the uncorrected momentum, or as there.
enum class angle { none, outside, inside };

/// Adam's second half, Kingma & Ba 2015, for any momentum u of a gradient g.
struct second_moment {
  double b2 = 0.999, eps = 1e-8, b1 = 0.9;
  bool corrected = true;
  angle form = angle::none;
  double scale = 4 / std::acos(-1.0);  // of the angle
  std::int64_t t = 0;
  numbers v{};

  /// `now` replaces b2 in the average of this step; eps is relative to `distance`.
  numbers direction(numbers u, const numbers& g, double now = -1, double distance = 1) {
    v.resize(g.size());
    ++t;
    const double bc1 = corrected ? 1 - std::pow(b1, t) : 1, bc2 = corrected ? 1 - std::pow(b2, t) : 1;
    const double keep = now < 0 ? b2 : now;
    for (std::size_t i = 0; i < g.size(); ++i) {
      v[i] = keep * v[i] + (1 - keep) * g[i] * g[i];
      const double root = std::sqrt(v[i] / bc2);
      if (form == angle::none) u[i] = u[i] / bc1 / (root + eps * distance);
      else if (form == angle::inside) u[i] = scale * std::atan2(u[i] / bc1, root);
      else u[i] = scale * std::atan2(u[i], root) / bc1;
    }
    return u;
  }
};

/// ADOPT, Taniguchi et al. 2024, Algorithm 2 and the clipping of Section 5: t counts from 0, and nothing moves then.
struct adopt {
  double b2 = 0.9999, eps = 1e-6;
  bool added = false;  // eps, to the root, instead of the larger of the two
  bool angle = false;
  std::int64_t t = -1;
  numbers v{};

  numbers direction(const numbers& g) {
    v.resize(g.size());
    ++t;
    numbers u(g.size());
    for (std::size_t i = 0; i < g.size(); ++i) {
      if (t == 0) v[i] = g[i] * g[i];
      const double root = std::sqrt(v[i]), limit = std::pow(t, 0.25);
      if (angle) u[i] = 4 / std::acos(-1.0) * std::atan2(g[i], root);
      else if (t > 0) u[i] = std::clamp(g[i] / (added ? root + eps : std::max(root, eps)), -limit, limit);
      if (t > 0) v[i] = b2 * v[i] + (1 - b2) * g[i] * g[i];
    }
    return u;
  }
};

/// OrthoGrad, Prieto et al. 2025, Section 5: the part of g across p, as long as g.
inline numbers orthograd(const numbers& g, const numbers& p) {
  if (g.size() < 2 || dot(p, p) == 0) return g;
  const double along = dot(p, g) / dot(p, p);
  numbers o(g.size());
  for (std::size_t i = 0; i < g.size(); ++i) o[i] = g[i] - along * p[i];
  const double longer = dot(o, o) > 0 ? std::sqrt(dot(g, g) / dot(o, o)) : 0;
  for (double& x : o) x *= longer;
  return o;
}

/// Decoupled decay that acts where the step does not enlarge the weight, Chen et al. 2025, Algorithm 1.
inline void cautious_step(numbers& p, const numbers& u, double lr, double decay, bool only_aligned = true) {
  for (std::size_t i = 0; i < p.size(); ++i) {
    const bool decays = !only_aligned || u[i] * p[i] >= 0;
    p[i] = p[i] - lr * u[i] - (decays ? lr * decay * p[i] : 0);
  }
}

/// The momentum of Simplified AdEMAMix, Morwani et al. 2025, Algorithm 1, with the warm-up and bias correction of the
/// authors' code.
struct accumulated_gradient {
  double b1 = 0.99, alpha = 100, b1_min = 0.9;
  std::int64_t warmup = 0;
  bool corrected = true;
  std::int64_t t = 0;
  double weights = 0;
  numbers m{};

  numbers direction(const numbers& g) {
    m.resize(g.size());
    ++t;
    const double b = half_life_warmup(b1_min, b1, t, warmup);
    weights = b * weights + 1;
    numbers u(g.size());
    for (std::size_t i = 0; i < g.size(); ++i) {
      m[i] = b * m[i] + g[i];
      u[i] = (m[i] + alpha * g[i]) / (corrected ? weights : 1);
    }
    return u;
  }
};

/// Prodigy's distance, Mishchenko & Defazio 2024, Algorithm 4 as its code has it, but in one loop. Over several arrays
/// of numbers, of which every `slice`th is looked at.
struct prodigy_distance {
  double lr = 1, d0 = 1e-6, d_coef = 1, growth = std::numeric_limits<double>::infinity(), b3 = std::sqrt(0.999);
  std::size_t slice = 11;
  std::int64_t freeze_after = 0;
  bool safeguard = false, limiter = false;
  std::int64_t t = 0;
  double d = 0, d_max = 0, r = 0;
  std::vector<numbers> p0{}, s{};

  /// Before the parameters p are moved along gradients g: the distance that this step uses. `learn` comes after it.
  double now() {
    if (d == 0) d = d_max = d0;
    return d;
  }
  void learn(const std::vector<numbers>& p, const std::vector<numbers>& g) {
    now();
    if (t++ == 0) p0 = p, s = std::vector<numbers>(p.size());
    if (freeze_after > 0 && t > freeze_after) return;
    double numerator = b3 * r, denominator = 0;
    for (std::size_t k = 0; k < p.size(); ++k) {
      s[k].resize(p[k].size());
      for (std::size_t i = 0; i < p[k].size(); i += slice) {
        numerator += d / d0 * d * lr * g[k][i] * (p0[k][i] - p[k][i]);
        s[k][i] = b3 * s[k][i] + d / d0 * (safeguard ? d : d * lr) * g[k][i];
        denominator += std::abs(s[k][i]);
      }
    }
    r = numerator;
    if (denominator == 0) return;
    double estimate = d_coef * r / denominator;
    if (limiter) estimate = std::min(estimate, d * std::exp2(0.25));
    if (d == d0) d = std::max(d, estimate);
    d_max = std::max(d_max, estimate);
    d = std::min(d_max, d * growth);
  }
};

/// Kourkoutas-beta, Kassinos 2025, its b2 from the norm of the step before.
struct kourkoutas {
  double b2_max = 0.999, b2_min = 0.9, a = 0.95, tiny = 1e-9;
  std::int64_t warmup = 0;
  std::int64_t t = 0;
  double e = 0, before = -1;  // the norm of the step before; negative: there is none

  /// The b2 of a step; `norm` is that of its gradient.
  double choose(double norm) {
    double b2 = b2_max;
    if (before >= 0) {
      e = a * e + (1 - a) * before;
      const double sun = before / (e + tiny) / (1 + before / (e + tiny));
      b2 = b2_max - (b2_max - b2_min) * sun;
    }
    before = norm;
    const double done = warmup > 0 ? std::min(1.0, static_cast<double>(t) / static_cast<double>(warmup)) : 1;
    ++t;
    return (1 - done) * b2_max + done * b2;
  }
};

}  // namespace reference
