#pragma once
// The two-dimensional convolution, as a product of matrices.
#include "mango/nn/initialize.hpp"
#include "mango/nn/patches.hpp"

namespace mango::inline MANGO_ABI::nn {

/// y[o, h, w] = bias[o] + sum_{c, i, j} weight[o, c, i, j] x[c, s h + i - p, s w + j - p], with stride s and zero
/// padding p (a cross-correlation, as in PyTorch). Rows of x are images flattened as channels, height, width; rows of
/// y as filters, out_height, out_width. `weight` is filters x channels x kernel x kernel.
/// Image by image: patches, then one product. The patches of one image stay in the L2 cache; a single product over the
/// batch streams them through memory: 83 against 168 Gflop/s for 64 images of 16 x 28 x 28, kernel 3 (g++ 12, Zen 5).
/// Raises errc::config as `patches`, errc::size for other shapes, errc::overlap when y is x or dx is dy.
template <class T> class conv2d {
 public:
  parameter<T> weight, bias;

  explicit conv2d(const conv2d_config& c)
      : weight({require_valid(c).filters, c.channels, c.kernel, c.kernel}),
        bias({c.filters}),
        patches_(c),
        in_(c.channels * c.height * c.width),
        patch_(patches_.rows(), patches_.columns()),
        wide_(c.filters, patches_.columns()) {}

  index_t out_height() const { return patches_.out_height(); }
  index_t out_width() const { return patches_.out_width(); }

  /// Kaiming uniform weights, zero biases.
  void initialize(std::uint64_t seed, double gain = gain_relu) {
    kaiming_uniform(weight, gain, seed);
    bias.value.setZero();
  }
  void forward(const matrix<T>& x, matrix<T>& y) {
    require_columns("conv2d: x", x, in_);
    require_apart("conv2d: y", x, y);
    if (phases_.rows() != x.rows()) phases_.setZero(x.rows(), patches_.stored());
    y.resize(x.rows(), out());
    for (index_t image = 0; image < x.rows(); ++image) {
      patches_.split(x.row(image).data(), phases_.row(image).data());
      patches_.gather(phases_.row(image).data(), patch_);
      wide_.noalias() = weight.value * patch_;
      wide_.colwise() += bias.value.row(0).transpose();
      patches_.crop(wide_, y.row(image).data());
    }
  }
  void backward(const matrix<T>& dy, matrix<T>& dx) {
    require_apart("conv2d: dx", dy, dx);
    require_shape("conv2d: dy", dy, phases_.rows(), out());
    dx.resize(dy.rows(), in_);
    each_gradient(dy, [&](index_t image) {
      patch_.noalias() = weight.value.transpose() * wide_;
      dphases_.setZero(1, patches_.stored());
      patches_.scatter(patch_, dphases_.data());
      patches_.unsplit(dphases_.data(), dx.row(image).data());
    });
  }
  /// The gradients of the parameters alone: for the first layer of a model, whose dx nobody reads.
  void backward(const matrix<T>& dy) {
    require_shape("conv2d: dy", dy, phases_.rows(), out());
    each_gradient(dy, [](index_t) {});
  }
  template <class F> void each_parameter(std::string_view prefix, F&& f) {
    weight.visit(prefix, "weight", f);
    bias.visit(prefix, "bias", f);
  }

 private:
  index_t out() const { return weight.value.rows() * out_height() * out_width(); }
  /// Adds the gradients of the parameters, image by image, and calls f(image) while wide_ holds its dy.
  template <class F> void each_gradient(const matrix<T>& dy, F&& f) {
    wide_.setZero();
    for (index_t image = 0; image < dy.rows(); ++image) {
      patches_.widen(dy.row(image).data(), wide_);
      patches_.gather(phases_.row(image).data(), patch_);
      weight.gradient.noalias() += wide_ * patch_.transpose();
      bias.gradient += wide_.rowwise().sum().transpose();
      f(image);
    }
  }

  patches patches_;
  index_t in_;
  matrix<T> phases_, dphases_;  // of all images; of one
  matrix<T> patch_, wide_;      // of one image, and their gradients
};

}  // namespace mango::inline MANGO_ABI::nn
