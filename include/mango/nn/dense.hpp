#pragma once
// The fully connected layer.
#include "mango/nn/check.hpp"
#include "mango/nn/initialize.hpp"

namespace mango::inline MANGO_ABI::nn {

/// y = x W^T + b: x is batch x in, y is batch x out, `weight` out x in, `bias` out (PyTorch's layout).
/// Backward: dW += dy^T x, db += column sums of dy, dx = dy W.
/// Raises errc::config for sizes below 1, errc::size for other shapes, errc::overlap when y is x or dx is dy.
template <class T> class dense {
 public:
  parameter<T> weight, bias;

  dense(index_t in, index_t out)
      : weight({require_positive("dense: out", out), require_positive("dense: in", in)}), bias({out}) {}

  /// Kaiming uniform weights, zero biases.
  void initialize(std::uint64_t seed, double gain = gain_relu) {
    kaiming_uniform(weight, gain, seed);
    bias.value.setZero();
  }
  void forward(const matrix<T>& x, matrix<T>& y) {
    require_columns("dense: x", x, weight.value.cols());
    require_apart("dense: y", x, y);
    x_ = x;
    y.noalias() = x * weight.value.transpose();
    y.rowwise() += bias.value.row(0);
  }
  void backward(const matrix<T>& dy, matrix<T>& dx) {
    require_apart("dense: dx", dy, dx);
    backward(dy);
    dx.noalias() = dy * weight.value;
  }
  /// The gradients of the parameters alone: for the first layer of a model, whose dx nobody reads.
  void backward(const matrix<T>& dy) {
    require_shape("dense: dy", dy, x_.rows(), weight.value.rows());
    weight.gradient.noalias() += dy.transpose() * x_;
    bias.gradient += dy.colwise().sum();
  }
  template <class F> void each_parameter(std::string_view prefix, F&& f) {
    weight.visit(prefix, "weight", f);
    bias.visit(prefix, "bias", f);
  }

 private:
  matrix<T> x_;
};

}  // namespace mango::inline MANGO_ABI::nn
