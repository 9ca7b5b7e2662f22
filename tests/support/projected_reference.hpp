#pragma once
// GaLore in double, one matrix, with the bases that it is given: what the library's bases must lead to.
#include "project/matrices.hpp"

namespace support {

/// W <- (1 - lr wd) W - lr scale back(m^ / (sqrt(v^) + eps)), moments of R = P^T G (left) or G Q^T (right). The basis
/// is given as rows, r x length.
struct projected_adam {
  double lr = 1e-2, scale = 0.25, b1 = 0.9, b2 = 0.999, eps = 1e-8, wd = 0;
  bool right = true;

  matrix w, basis{0, 0}, m{0, 0}, v{0, 0};
  long t = 0, since = 0;

  /// Moments move to another basis of as many vectors: rotate, or start anew.
  void change(const matrix& now, bool rotate, bool reset) {
    const auto c = basis.rows > 0 ? now * transposed(basis) : matrix(0, 0);
    const index_pair size = compact_size(now);
    if (basis.rows == 0 || reset) m = matrix(size.rows, size.cols), v = matrix(size.rows, size.cols), since = 0;
    else if (rotate) {
      matrix squares = c;
      for (double& x : squares.data) x *= x;
      m = right ? m * transposed(c) : c * m;
      v = right ? v * transposed(squares) : squares * v;
    }
    basis = now;
  }
  void step(const matrix& g) {
    ++t, ++since;
    const matrix r = right ? g * transposed(basis) : basis * g;
    matrix u = r;
    const double bc1 = 1 - std::pow(b1, static_cast<double>(since)), bc2 = 1 - std::pow(b2, static_cast<double>(since));
    for (std::size_t i = 0; i < r.data.size(); ++i) {
      m.data[i] = b1 * m.data[i] + (1 - b1) * r.data[i];
      v.data[i] = b2 * v.data[i] + (1 - b2) * r.data[i] * r.data[i];
      u.data[i] = m.data[i] / bc1 / (std::sqrt(v.data[i] / bc2) + eps);
    }
    const matrix back = right ? u * basis : transposed(basis) * u;
    for (std::size_t i = 0; i < w.data.size(); ++i) w.data[i] += -lr * wd * w.data[i] - lr * scale * back.data[i];
  }

 private:
  struct index_pair {
    std::ptrdiff_t rows, cols;
  };
  index_pair compact_size(const matrix& now) const {
    return right ? index_pair{w.rows, now.rows} : index_pair{now.rows, w.cols};
  }
};

}  // namespace support
