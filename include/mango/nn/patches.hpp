#pragma once
// Images cut into the patches that a convolution multiplies: im2col and its adjoint, in long contiguous runs.
//
// An image is first stored with its zero padding and, for a stride s, split into s x s phases (pixels whose row and
// column leave the same remainders by s). Then pixel (i, j) of every patch lies in one phase at consecutive addresses,
// row after row: a row of the patch matrix is one contiguous copy, and its adjoint one contiguous sum. One gap of
// `padding` zeros between two rows is the right edge of the first and the left edge of the second; past the last row
// of a phase, the padding above the next one serves. The price: rows of the result are as wide as rows of a phase, so
// the last columns of each are surplus, read by nobody in the forward direction and zero in the backward one (1 column
// in 29 for 28 x 28 images, kernel 3 and padding 1).
#include <algorithm>

#include "mango/nn/check.hpp"

namespace mango::inline MANGO_ABI::nn {

/// A convolution's geometry: images of channels x height x width, square kernels, the same stride and zero padding on
/// both axes.
struct conv2d_config {
  index_t channels, height, width;
  index_t filters;
  index_t kernel;
  index_t stride = 1, padding = 0;
};

/// Returns `c`. Raises errc::config for a size below 1, a negative padding, or a kernel larger than the padded image.
inline const conv2d_config& require_valid(const conv2d_config& c) {
  require_positive("conv2d: channels", c.channels);
  require_positive("conv2d: height", c.height);
  require_positive("conv2d: width", c.width);
  require_positive("conv2d: filters", c.filters);
  require_positive("conv2d: kernel", c.kernel);
  require_positive("conv2d: stride", c.stride);
  if (c.padding < 0)
    refuse(errc::config, {"conv2d: padding is ", digits(c.padding), ", expected at least 0"}, "conv2d: padding", 0,
           c.padding);
  const index_t smallest = std::min(c.height, c.width) + 2 * c.padding;
  if (c.kernel > smallest)
    refuse(errc::config,
           {"conv2d: kernel is ", digits(c.kernel), ", expected at most ", digits(smallest), ", the padded image"},
           "conv2d: kernel", smallest, c.kernel);
  return c;
}

/// Where the pixels of one image go. All offsets count elements.
class patches {
 public:
  /// Raises as require_valid.
  explicit patches(const conv2d_config& c) : c_(require_valid(c)) {
    pitch_ = std::max((c.width + c.padding + c.stride - 1) / c.stride, out_width());
    phase_size_ = (c.height + 2 * c.padding + c.stride - 1) / c.stride * pitch_;
    for (index_t channel = 0; channel < c.channels; ++channel)
      for (index_t i = 0; i < c.kernel; ++i)
        for (index_t j = 0; j < c.kernel; ++j)
          starts_.push_back(phase(channel, i % c.stride, j % c.stride) + i / c.stride * pitch_ + j / c.stride);
  }
  index_t out_height() const { return (c_.height + 2 * c_.padding - c_.kernel) / c_.stride + 1; }
  index_t out_width() const { return (c_.width + 2 * c_.padding - c_.kernel) / c_.stride + 1; }
  /// Pixels of a patch: rows of the patch matrix.
  index_t rows() const { return static_cast<index_t>(starts_.size()); }
  /// Columns of a result row, of which the first out_width() are results and the others surplus.
  index_t wide() const { return pitch_; }
  /// Columns of the patch matrix.
  index_t columns() const { return out_height() * wide(); }
  /// Elements of a stored image: its phases, and as much room as the last run overshoots.
  index_t stored() const { return c_.channels * c_.stride * c_.stride * phase_size_ + c_.kernel; }

  /// Writes an image into its phases; the padding is not written and must be zero.
  template <class T> void split(const T* image, T* phases) const {
    each_phase([&](index_t pixel, index_t to, index_t rows, index_t n) {
      copy_block(image + pixel, {c_.stride * c_.width, c_.stride}, phases + to, {pitch_, 1}, rows, n);
    });
  }
  /// The adjoint of split: reads an image back, without the padding.
  template <class T> void unsplit(const T* phases, T* image) const {
    each_phase([&](index_t pixel, index_t at, index_t rows, index_t n) {
      copy_block(phases + at, {pitch_, 1}, image + pixel, {c_.stride * c_.width, c_.stride}, rows, n);
    });
  }
  /// patch(r, :) = pixel r = (channel, i, j) of every patch.
  template <class T> void gather(const T* phases, matrix<T>& patch) const {
    for (index_t r = 0; r < rows(); ++r) std::copy_n(phases + start(r), columns(), patch.row(r).data());
  }
  /// The adjoint of gather: adds every patch to the pixels it was cut from.
  template <class T> void scatter(const matrix<T>& patch, T* phases) const {
    for (index_t r = 0; r < rows(); ++r)
      Eigen::Map<Eigen::Matrix<T, 1, Eigen::Dynamic>>(phases + start(r), columns()) += patch.row(r);
  }
  /// Reads the results of one image, without the surplus, from `wide`: filters x columns().
  template <class T> void crop(const matrix<T>& wide, T* image) const {
    for (index_t r = 0; r < c_.filters * out_height(); ++r)
      std::copy_n(wide.data() + r * this->wide(), out_width(), image + r * out_width());
  }
  /// The adjoint of crop: the surplus is not written and must be zero.
  template <class T> void widen(const T* image, matrix<T>& wide) const {
    for (index_t r = 0; r < c_.filters * out_height(); ++r)
      std::copy_n(image + r * out_width(), out_width(), wide.data() + r * this->wide());
  }

 private:
  index_t start(index_t r) const { return starts_[static_cast<std::size_t>(r)]; }
  /// Phase (y, x) of a channel.
  index_t phase(index_t channel, index_t y, index_t x) const {
    return ((channel * c_.stride + y) * c_.stride + x) * phase_size_;
  }
  /// Calls f(first pixel, its place in the phase, rows, n) for every phase: its pixels are rows x n of the image's,
  /// `stride` apart on both axes.
  template <class F> void each_phase(F&& f) const {
    const index_t s = c_.stride, p = c_.padding;
    for (index_t channel = 0; channel < c_.channels; ++channel)
      for (index_t y = 0; y < std::min(s, c_.height); ++y)
        for (index_t x = 0; x < std::min(s, c_.width); ++x)
          f((channel * c_.height + y) * c_.width + x,
            phase(channel, (y + p) % s, (x + p) % s) + (y + p) / s * pitch_ + (x + p) / s, (c_.height - y + s - 1) / s,
            (c_.width - x + s - 1) / s);
  }
  /// How far apart the rows of a block and the elements of a row are.
  struct steps {
    index_t row, element;
  };
  /// Element steps 1 and 2 are spelled out: constants are what compilers vectorise.
  template <class T> static void copy_block(const T* from, steps from_by, T* to, steps to_by, index_t rows, index_t n) {
    for (; rows > 0; --rows, from += from_by.row, to += to_by.row) {
      if (from_by.element == 1 && to_by.element == 1) std::copy_n(from, n, to);
      else if (from_by.element == 2)
        for (index_t i = 0; i < n; ++i) to[i] = from[2 * i];
      else if (to_by.element == 2)
        for (index_t i = 0; i < n; ++i) to[2 * i] = from[i];
      else
        for (index_t i = 0; i < n; ++i) to[i * to_by.element] = from[i * from_by.element];
    }
  }

  conv2d_config c_;
  index_t pitch_, phase_size_;   // from row to row, and from phase to phase
  std::vector<index_t> starts_;  // of each patch pixel's run
};

}  // namespace mango::inline MANGO_ABI::nn
