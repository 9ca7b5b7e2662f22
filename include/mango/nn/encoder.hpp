#pragma once
// One block of a transformer.
#include "mango/nn/activation.hpp"
#include "mango/nn/attention.hpp"
#include "mango/nn/norm.hpp"

namespace mango::inline MANGO_ABI::nn {

/// `hidden` is the width of the perceptron between its two dense layers, 4 width as a rule; the others as in attention.
struct encoder_config {
  index_t width, heads, length, hidden;
  bool causal = false;
};

/// The pre-norm block, Xiong et al. 2020, arXiv:2002.04745: h = x + attention(norm1(x)),
/// y = h + down(gelu(up(norm2(h)))). x and y are (sequences length) x width.
/// Raises as its parts: errc::config for bad sizes, errc::size for other shapes, errc::overlap when y is x or dx is dy.
template <class T> class encoder {
 public:
  layer_norm<T> norm1, norm2;
  nn::attention<T> attention;
  dense<T> up, down;

  explicit encoder(const encoder_config& c)
      : norm1(c.width),
        norm2(c.width),
        attention({.width = c.width, .heads = c.heads, .length = c.length, .causal = c.causal}),
        up(c.width, c.hidden),
        down(c.hidden, c.width) {}

  /// Kaiming uniform: gain sqrt(2) before the GELU, 1 elsewhere; norms one and zero, biases zero.
  void initialize(std::uint64_t seed) {
    norm1.initialize();
    norm2.initialize();
    attention.initialize(derive_seed(seed, "attention"));
    up.initialize(derive_seed(seed, "up"), gain_relu);
    down.initialize(derive_seed(seed, "down"), gain_linear);
  }
  void forward(const matrix<T>& x, matrix<T>& y) {
    require_apart("encoder: y", x, y);
    norm1.forward(x, narrow_);
    attention.forward(narrow_, h_);
    h_ += x;
    norm2.forward(h_, narrow_);
    up.forward(narrow_, wide_);
    gelu_.forward(wide_, wide_);
    down.forward(wide_, y);
    y += h_;
  }
  void backward(const matrix<T>& dy, matrix<T>& dx) {
    require_apart("encoder: dx", dy, dx);
    down.backward(dy, wide_);
    gelu_.backward(wide_, wide_);
    up.backward(wide_, narrow_);
    norm2.backward(narrow_, h_);
    h_ += dy;
    attention.backward(h_, narrow_);
    norm1.backward(narrow_, dx);
    dx += h_;
  }
  template <class F> void each_parameter(std::string_view prefix, F&& f) {
    norm1.each_parameter(join_name(prefix, "norm1"), f);
    attention.each_parameter(join_name(prefix, "attention"), f);
    norm2.each_parameter(join_name(prefix, "norm2"), f);
    up.each_parameter(join_name(prefix, "up"), f);
    down.each_parameter(join_name(prefix, "down"), f);
  }

 private:
  gelu<T> gelu_;
  matrix<T> narrow_, h_, wide_;  // of width, width and hidden columns; backward reuses them for the gradients
};

}  // namespace mango::inline MANGO_ABI::nn
