#pragma once
// Element-wise nonlinearities. All work in place: y may be x, dx may be dy. They raise errc::size when dy has another
// shape than the last x.
#include "mango/nn/check.hpp"

namespace mango::inline MANGO_ABI::nn {

/// y = max(x, 0); the derivative at 0 is 0. A NaN passes, and so does its gradient.
/// Backward is a lambda: Eigen's select() compiles to jumps on the signs of activations, 40 times slower.
template <class T> class relu : public no_parameters {
 public:
  void forward(const matrix<T>& x, matrix<T>& y) {
    y_ = x.cwiseMax(T(0));
    y = y_;
  }
  void backward(const matrix<T>& dy, matrix<T>& dx) {
    require_shape("relu: dy", dy, y_.rows(), y_.cols());
    dx = y_.binaryExpr(dy, [](T value, T slope) { return value <= T(0) ? T(0) : slope; });
  }

 private:
  matrix<T> y_;
};

/// y = x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2, the tanh form of Hendrycks & Gimpel 2016, arXiv:1606.08415.
/// Computed as x s with the logistic s = 1 / (1 + exp(-2 sqrt(2/pi) (x + 0.044715 x^3))), which is the same function:
/// Eigen has a vectorised exp for float and double, but a vectorised tanh for float only.
template <class T> class gelu : public no_parameters {
 public:
  void forward(const matrix<T>& x, matrix<T>& y) {
    x_ = x;
    const auto a = x_.array();
    s_ = (T(1) + (a * (a.square() * (-slope * cubic) - slope)).exp()).inverse();
    y = a * s_.array();
  }
  void backward(const matrix<T>& dy, matrix<T>& dx) {
    require_shape("gelu: dy", dy, x_.rows(), x_.cols());
    const auto a = x_.array(), s = s_.array();
    dx = dy.array() * s * (T(1) + a * (T(1) - s) * (a.square() * (3 * slope * cubic) + slope));
  }

 private:
  static constexpr T slope = T(1.5957691216057308), cubic = T(0.044715);  // slope = 2 sqrt(2/pi)
  matrix<T> x_, s_;
};

/// y = tanh(x).
template <class T> class tanh : public no_parameters {
 public:
  void forward(const matrix<T>& x, matrix<T>& y) {
    y_ = x.array().tanh();
    y = y_;
  }
  void backward(const matrix<T>& dy, matrix<T>& dx) {
    require_shape("tanh: dy", dy, y_.rows(), y_.cols());
    dx = dy.array() * (T(1) - y_.array().square());
  }

 private:
  matrix<T> y_;
};

}  // namespace mango::inline MANGO_ABI::nn
