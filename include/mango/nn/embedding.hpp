#pragma once
// From token ids to vectors.
#include "mango/nn/check.hpp"
#include "mango/nn/index_list.hpp"
#include "mango/nn/initialize.hpp"

namespace mango::inline MANGO_ABI::nn {

/// y_row = token[id of the row] + position[row mod length]: a batch of sequences of `length` ids each, one after the
/// other; y is (sequences length) x width, `token` vocabulary x width, `position` length x width, both learned.
/// Raises errc::config for sizes below 1 or an id outside [0, vocabulary), errc::size for a partial sequence or none.
template <class T> class embedding {
 public:
  parameter<T> token, position;

  embedding(index_t vocabulary, index_t length, index_t width)
      : token({require_positive("embedding: vocabulary", vocabulary), require_positive("embedding: width", width)}),
        position({require_positive("embedding: length", length), width}) {}

  /// Normal with mean 0 and deviation 0.02, tokens and positions, as in GPT-2 and BERT.
  void initialize(std::uint64_t seed, double deviation = 0.02) {
    fill_normal(token, deviation, derive_seed(seed, "token"));
    fill_normal(position, deviation, derive_seed(seed, "position"));
  }
  template <index_list L> void forward(const L& ids, matrix<T>& y) {
    const index_t length = position.value.rows(), whole = static_cast<index_t>(ids.size()) / length * length;
    require_indices("embedding: ids", ids, std::max(whole, length), token.value.rows());
    keep_indices(ids, ids_);
    y.resize(whole, token.value.cols());
    for (index_t r = 0; r < whole; ++r) y.row(r) = token.value.row(id(r)) + position.value.row(r % length);
  }
  /// Ids have no gradient, so there is no dx.
  void backward(const matrix<T>& dy) {
    require_shape("embedding: dy", dy, static_cast<index_t>(ids_.size()), token.value.cols());
    for (index_t r = 0; r < dy.rows(); ++r) {
      token.gradient.row(id(r)) += dy.row(r);
      position.gradient.row(r % position.value.rows()) += dy.row(r);
    }
  }
  template <class F> void each_parameter(std::string_view prefix, F&& f) {
    token.visit(prefix, "token", f);
    position.visit(prefix, "position", f);
  }

 private:
  index_t id(index_t row) const { return ids_[static_cast<std::size_t>(row)]; }

  std::vector<index_t> ids_;
};

}  // namespace mango::inline MANGO_ABI::nn
