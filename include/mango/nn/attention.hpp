#pragma once
// Multi-head self-attention.
#include <cmath>

#include "mango/nn/dense.hpp"

namespace mango::inline MANGO_ABI::nn {

/// Sequences of `length` rows of `width` numbers; `heads` divides `width`. Causal: a row sees itself and earlier ones.
struct attention_config {
  index_t width, heads, length;
  bool causal = false;
};

/// Vaswani et al. 2017, section 3.2, arXiv:1706.03762: (q, k, v) = qkv(x), each head of each sequence takes its
/// D = width / heads columns, p = softmax(q k^T / sqrt(D)) by rows, and y = out(p v).
/// x and y are (sequences length) x width, one sequence after the other. `qkv` is a dense layer of 3 width outputs (q,
/// k, v in this order), `out` one of width outputs. Backward: dp = do v^T, ds = p (dp - rowsum(p dp)) / sqrt(D), and
/// dq = ds k, dk = ds^T q, dv = p^T do.
/// Raises errc::config for sizes below 1 or heads that do not divide the width, errc::size for other shapes.
template <class T> class attention {
 public:
  dense<T> qkv, out;

  explicit attention(const attention_config& c)
      : qkv(require_valid(c).width, 3 * c.width), out(c.width, c.width), c_(c) {}

  /// Kaiming uniform with gain 1 (nothing nonlinear follows the projections), zero biases.
  void initialize(std::uint64_t seed) {
    qkv.initialize(derive_seed(seed, "qkv"), gain_linear);
    out.initialize(derive_seed(seed, "out"), gain_linear);
  }
  void forward(const matrix<T>& x, matrix<T>& y) {
    require_columns("attention: x", x, c_.width);
    if (x.rows() % c_.length != 0)
      refuse(errc::size,
             {"attention: x has ", digits(x.rows()), " rows, expected whole sequences of ", digits(c_.length)},
             "attention: x", c_.length, x.rows());
    qkv.forward(x, qkv_);
    p_.resize(x.rows() * c_.heads, c_.length);
    mixed_.resize(x.rows(), c_.width);
    for (index_t i = 0; i < x.rows() / c_.length * c_.heads; ++i) {
      auto p = weights(i);
      p.noalias() = head(qkv_, i, 0) * head(qkv_, i, 1).transpose();
      softmax(p);
      head(mixed_, i, 0).noalias() = p * head(qkv_, i, 2);
    }
    out.forward(mixed_, y);
  }
  void backward(const matrix<T>& dy, matrix<T>& dx) {
    out.backward(dy, dmixed_);
    dqkv_.resize(qkv_.rows(), qkv_.cols());
    ds_.resize(c_.length, c_.length);
    for (index_t i = 0; i < qkv_.rows() / c_.length * c_.heads; ++i) {
      const auto p = weights(i);
      const auto dmixed = head(dmixed_, i, 0);
      head(dqkv_, i, 2).noalias() = p.transpose() * dmixed;
      ds_.noalias() = dmixed * head(qkv_, i, 2).transpose();
      for (index_t r = 0; r < c_.length; ++r)
        ds_.row(r).array() = p.row(r).array() * (ds_.row(r).array() - p.row(r).dot(ds_.row(r))) * scale();
      head(dqkv_, i, 0).noalias() = ds_ * head(qkv_, i, 1);
      head(dqkv_, i, 1).noalias() = ds_.transpose() * head(qkv_, i, 0);
    }
    qkv.backward(dqkv_, dx);
  }
  template <class F> void each_parameter(std::string_view prefix, F&& f) {
    qkv.each_parameter(join_name(prefix, "qkv"), f);
    out.each_parameter(join_name(prefix, "out"), f);
  }

 private:
  static const attention_config& require_valid(const attention_config& c) {
    require_positive("attention: width", c.width);
    require_positive("attention: heads", c.heads);
    require_positive("attention: length", c.length);
    if (c.width % c.heads != 0)
      refuse(errc::config, {"attention: heads is ", digits(c.heads), ", expected a divisor of width ", digits(c.width)},
             "attention: heads", c.width, c.heads);
    return c;
  }
  T scale() const { return T(1) / std::sqrt(static_cast<T>(c_.width / c_.heads)); }
  /// The i-th (sequence, head) pair's attention weights, length x length.
  auto weights(index_t i) { return p_.middleRows(i * c_.length, c_.length); }
  /// Its columns of a matrix that holds one or more blocks of `width` columns.
  auto head(matrix<T>& m, index_t i, index_t block) const {
    const index_t columns = c_.width / c_.heads;
    return m.block(i / c_.heads * c_.length, block * c_.width + i % c_.heads * columns, c_.length, columns);
  }
  /// In place, row by row, of scale() times the scores. What a causal row must not see gets weight zero.
  template <class Block> void softmax(Block& scores) const {
    for (index_t r = 0; r < c_.length; ++r) {
      const index_t seen = c_.causal ? r + 1 : c_.length;
      auto row = scores.row(r).head(seen);
      row = ((row.array() - row.maxCoeff()) * scale()).exp();
      row /= row.sum();
      scores.row(r).tail(c_.length - seen).setZero();
    }
  }

  attention_config c_;
  matrix<T> qkv_, p_, mixed_;
  matrix<T> dqkv_, ds_, dmixed_;
};

}  // namespace mango::inline MANGO_ABI::nn
