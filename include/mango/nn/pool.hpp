#pragma once
// Pooling of images.
#include "mango/nn/check.hpp"

namespace mango::inline MANGO_ABI::nn {

/// Global average: x is batch x (channels area), each image flattened as channels, height, width; y is
/// batch x channels, the mean over each channel's `area` = height width pixels.
/// Raises errc::config for sizes below 1, errc::size for other shapes, errc::overlap when y is x or dx is dy.
template <class T> class global_average_pool : public no_parameters {
 public:
  global_average_pool(index_t channels, index_t area)
      : channels_(require_positive("global_average_pool: channels", channels)),
        area_(require_positive("global_average_pool: area", area)) {}

  void forward(const matrix<T>& x, matrix<T>& y) {
    require_columns("global_average_pool: x", x, channels_ * area_);
    require_apart("global_average_pool: y", x, y);
    rows_ = x.rows();
    y.resize(rows_, channels_);
    const Eigen::Map<const matrix<T>> planes(x.data(), rows_ * channels_, area_);
    Eigen::Map<matrix<T>>(y.data(), rows_ * channels_, 1) = planes.rowwise().mean();
  }
  void backward(const matrix<T>& dy, matrix<T>& dx) {
    require_shape("global_average_pool: dy", dy, rows_, channels_);
    require_apart("global_average_pool: dx", dy, dx);
    dx.resize(rows_, channels_ * area_);
    Eigen::Map<matrix<T>> planes(dx.data(), rows_ * channels_, area_);
    for (index_t p = 0; p < planes.rows(); ++p) planes.row(p).setConstant(dy.data()[p] / static_cast<T>(area_));
  }

 private:
  index_t channels_, area_, rows_ = 0;
};

}  // namespace mango::inline MANGO_ABI::nn
