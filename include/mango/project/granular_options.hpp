#pragma once
// A subspace that needs no gradient: every row cut into slices, each projected on the same few random vectors.
#include "mango/project/projection.hpp"
#include "mango/rule/hyperparameter.hpp"

namespace mango::inline MANGO_ABI {

/// VLoRP's projection: a matrix m x n, m >= n, is m c rows of n / c numbers, and each of them is projected on r vectors
/// of random signs, R = G P, with P P^T = r I on average; back it comes as R P^T / r. If m < n, it is m / c rows of c n
/// numbers, projected from the left. What is kept is c r max(m, n) numbers. Yang et al. 2025, arXiv:2505.01744.
///   budget = granularity rank: any two, or one (the other is 1), or none (granularity 256, rank 1)
/// The vectors are drawn anew every `resample_every` updates, a function of (seed, tensor, period) alone: nothing of
/// them is kept. Moments start anew then, and so does bias correction.
/// Differs: published code draws normal numbers, and draws again at every micro-batch of a window that starts a period,
/// so that their sum means nothing. Signs have less variance: E |R P^T / r|^2 = (k + r - 1) / r |G|^2 for slices of k
/// numbers, against (k + r + 1) / r.
struct granular_options {
  index_t granularity = 0;      ///< c; a tensor takes the largest divisor of its shorter side that is no larger
  index_t rank = 0;             ///< r
  index_t budget = 0;           ///< M = c r
  index_t resample_every = 20;  ///< updates of a tensor between two draws; at least 1
  double scale = 1;             ///< of the update when it comes back to the full space

  static constexpr bool keeps_basis = false;

  template <class F> void hyperparameters(F&& f) const {
    const interval counts{0, 1e9};
    f("granularity", static_cast<double>(granularity), counts);
    f("rank", static_cast<double>(rank), counts);
    f("budget", static_cast<double>(budget), counts);
    f("resample_every", static_cast<double>(resample_every), interval{1, 1e12});
    f("scale", scale, interval{0, 1e30, true});
    resolved();
  }

  /// Granularity and rank, both at least 1. Raises errc::config when budget, granularity and rank contradict each
  /// other.
  granular_options resolved() const {
    granular_options o = *this;
    if (o.budget > 0 && o.granularity == 0 && o.rank == 0) o.rank = 1;
    if (o.budget > 0 && o.rank > 0 && o.granularity == 0) o.granularity = o.budget / o.rank;
    if (o.budget > 0 && o.granularity > 0 && o.rank == 0) o.rank = o.budget / o.granularity;
    if (o.budget > 0 && o.granularity * o.rank != o.budget)
      raise(errc::config, "budget is {expected}, which is not granularity times rank, {got}", o.budget,
            o.granularity * o.rank, "budget");
    if (o.rank == 0) o.rank = 1;
    if (o.granularity == 0) o.granularity = o.rank == 1 && rank == 0 ? 256 : 1;
    return o;
  }
  /// How a tensor is projected.
  projection of(const shape& s) const {
    const granular_options o = resolved();
    projection p = projection_of(s, o.rank, projection_side::std);
    if (!p.projects()) return p;
    const index_t sliced = p.right ? p.cols : p.rows;
    index_t c = o.granularity < sliced ? o.granularity : sliced;
    while (sliced % c != 0 || sliced / c < p.rank) --c;
    p.rows = p.right ? p.rows * c : p.rows / c;
    p.cols = p.right ? p.cols / c : p.cols * c;
    p.granularity = c;
    return p;
  }
  double back(const projection& p) const { return scale / static_cast<double>(p.rank); }

  /// The first update of the period that update t = 1, 2, ... belongs to.
  std::int64_t first_of(std::int64_t t) const { return (t - 1) / resample_every * resample_every + 1; }
};

}  // namespace mango
