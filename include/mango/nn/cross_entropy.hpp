#pragma once
// The loss of classification.
#include <cmath>

#include "mango/core/finite.hpp"
#include "mango/nn/check.hpp"
#include "mango/nn/index_list.hpp"

namespace mango::inline MANGO_ABI::nn {

/// The mean loss in nats, and how many rows have their largest logit (the first of equals) at the label.
struct classification {
  double loss = 0;
  index_t correct = 0;
};

/// Softmax cross-entropy with integer labels: loss = mean over rows of log(sum_j exp(z_j)) - z_label.
/// Stable for logits of any size: the row's maximum is subtracted first. A row whose loss is NaN or infinite makes the
/// mean so too, and never counts as correct. Losses are added in double.
template <class T> class cross_entropy {
 public:
  /// `logits` is batch x classes; `labels` has one entry in [0, classes) per row.
  /// Raises errc::size for an empty batch or another number of labels, errc::config for a label out of range.
  template <index_list L> classification forward(const matrix<T>& logits, const L& labels) {
    require_columns("cross_entropy: logits", logits, std::max<index_t>(logits.cols(), 1));
    require_indices("cross_entropy: labels", labels, logits.rows(), logits.cols());
    keep_indices(labels, labels_);
    p_.resize(logits.rows(), logits.cols());
    classification sum;
    for (index_t r = 0; r < logits.rows(); ++r) {
      const index_t label = labels_[static_cast<std::size_t>(r)];
      index_t best = 0;
      const T top = logits.row(r).maxCoeff(&best);
      p_.row(r) = (logits.row(r).array() - top).exp();
      const T total = p_.row(r).sum();
      p_.row(r) /= total;
      const double loss = std::log(static_cast<double>(total)) - static_cast<double>(logits(r, label) - top);
      sum.loss += loss;
      sum.correct += best == label && !is_nonfinite(loss);
    }
    sum.loss /= static_cast<double>(logits.rows());
    return sum;
  }
  /// dlogits = scale / batch (softmax - one_hot(label)). `scale` is the derivative of the whole loss by this one: 1, or
  /// this part's share of the batch when several replicas each take a part of it.
  void backward(matrix<T>& dlogits, T scale = T(1)) {
    const T weight = scale / static_cast<T>(p_.rows());
    dlogits = p_ * weight;
    for (index_t r = 0; r < p_.rows(); ++r) dlogits(r, labels_[static_cast<std::size_t>(r)]) -= weight;
  }
  /// The softmax of the last logits.
  const matrix<T>& probabilities() const { return p_; }

 private:
  matrix<T> p_;
  std::vector<index_t> labels_;
};

}  // namespace mango::inline MANGO_ABI::nn
