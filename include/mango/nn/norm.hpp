#pragma once
// Layer normalisation.
#include <cmath>

#include "mango/nn/check.hpp"

namespace mango::inline MANGO_ABI::nn {

/// Each row on its own: n = (x - mean) / sqrt(variance + eps), y = weight n + bias, with the biased variance.
/// Ba et al. 2016, arXiv:1607.06450; eps = 1e-5 as in PyTorch. `weight` starts at one, `bias` at zero.
/// Backward: with d = weight dy, dx = (d - mean(d) - n mean(d n)) / sqrt(variance + eps).
/// y may be x and dx may be dy. Raises errc::config for a width below 1, errc::size for other shapes.
template <class T> class layer_norm {
 public:
  parameter<T> weight, bias;

  explicit layer_norm(index_t width, T eps = T(1e-5))
      : weight({require_positive("layer_norm: width", width)}), bias({width}), eps_(eps) {
    initialize();
  }
  void initialize() {
    weight.value.setOnes();
    bias.value.setZero();
  }
  void forward(const matrix<T>& x, matrix<T>& y) {
    require_columns("layer_norm: x", x, weight.value.cols());
    n_.resize(x.rows(), x.cols());
    scale_.resize(1, x.rows());
    y.resize(x.rows(), x.cols());
    const auto w = weight.value.row(0).array(), b = bias.value.row(0).array();
    for (index_t r = 0; r < x.rows(); ++r) {
      auto n = n_.row(r).array();
      n = x.row(r).array() - x.row(r).mean();
      scale_(0, r) = 1 / std::sqrt(n.square().mean() + eps_);
      n *= scale_(0, r);
      y.row(r).array() = n * w + b;
    }
  }
  void backward(const matrix<T>& dy, matrix<T>& dx) {
    require_shape("layer_norm: dy", dy, n_.rows(), weight.value.cols());
    dx.resize(dy.rows(), dy.cols());
    for (index_t r = 0; r < dy.rows(); ++r) {
      const auto n = n_.row(r).array();
      auto d = dx.row(r).array();
      weight.gradient.row(0).array() += dy.row(r).array() * n;
      bias.gradient.row(0) += dy.row(r);
      d = dy.row(r).array() * weight.value.row(0).array();
      const T mean = d.mean(), along = (d * n).mean();
      d = (d - mean - n * along) * scale_(0, r);
    }
  }
  template <class F> void each_parameter(std::string_view prefix, F&& f) {
    weight.visit(prefix, "weight", f);
    bias.visit(prefix, "bias", f);
  }

 private:
  T eps_;
  matrix<T> n_, scale_;
};

}  // namespace mango::inline MANGO_ABI::nn
