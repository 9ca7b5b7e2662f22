#pragma once
// The second moment of what comes back from a random subspace, by its rows and columns, without ever going back.
#include "mango/core/packet.hpp"
#include "mango/project/granular_options.hpp"

namespace mango::inline MANGO_ABI {

/// ProjFactor's space. Of G' = R P^T / r, what a gradient is after projection and back, rows and columns of the mean
/// square are kept, and a step divides by the root of their product:
///   row_i <- b2 row_i + (1-b2) sum_j G'_ij^2, col_j likewise;  v_ij = row_i col_j / sum(row)
/// VLoRP's ProjFactor, Yang et al. 2025, arXiv:2505.01744. The sums need R alone: sum_j (g^T p_j)^2 = g^T (P P^T) g for
/// a slice's r numbers g, and a column's is p_j^T (sum g g^T) p_j.
/// Differs: eps and bias correction are AdamW's; a moment whose sum is 0 divides by eps.
struct projfactor_options : granular_options {
  double b2 = 0.999, eps = 1e-8;

  template <class F> void hyperparameters(F&& f) const {
    granular_options::hyperparameters(f);
    f("b2", b2, fraction);
    f("eps", eps, interval{1e-30, 1});
  }
};

namespace detail {

/// What a row of weights is divided by: sqrt(row[i] column[j] factor) + eps, for rows of `length` numbers.
struct row_column_divisor {
  const float *row, *column;
  index_t length;
  float factor, eps;
};

/// Doubles that update_moment() works in: a Gram matrix, one per slice, and sums.
constexpr index_t moment_doubles(const projection& p) { return (p.granularity + 1) * p.rank * p.rank; }

/// The sums of squares of one piece of R: of slice s of row i, its r numbers are (i, s, k).
struct compact_slices {
  const projection& p;
  const float* r;
  index_t others() const { return p.right ? p.rows / p.granularity : p.cols / p.granularity; }
  index_t length() const { return p.basis_length(); }
  double at(index_t i, index_t s, index_t k) const {
    const index_t at = p.right ? (i * p.granularity + s) * p.rank + k : k * p.cols + s * others() + i;
    return static_cast<double>(r[at]);
  }
};

// to <- b2 to + c2 x
inline void average(float& to, double b2, double x) {
  to = static_cast<float>(b2 * static_cast<double>(to) + (1 - b2) * x);
}

/// `other` (one number per row of R's long side) and `sliced` (one per number of all slices) after one more R.
/// `vectors`: r vectors of a slice's length. `scale`: of the gradient.
inline void update_moment(const projection& p, const vectors_view& vectors, const float* r, double scale, double b2,
                          float* other, float* sliced, double* work) {
  const compact_slices all{p, r};
  const index_t n = p.rank, c = p.granularity, k = all.length();
  double* const gram = work;
  double* const squares = work + n * n;
  for (index_t a = 0; a < n; ++a)
    for (index_t b = 0; b < n; ++b) {
      gram[a * n + b] = 0;
      for (index_t q = 0; q < k; ++q)
        gram[a * n + b] += static_cast<double>(vectors.at(a, q)) * static_cast<double>(vectors.at(b, q));
    }
  for (index_t i = 0; i < c * n * n; ++i) squares[i] = 0;
  const double unit = scale * scale / static_cast<double>(n * n);
  for (index_t i = 0; i < all.others(); ++i) {
    double sum = 0;
    for (index_t s = 0; s < c; ++s)
      for (index_t a = 0; a < n; ++a)
        for (index_t b = 0; b < n; ++b) {
          const double product = all.at(i, s, a) * all.at(i, s, b);
          sum += product * gram[a * n + b];
          squares[(s * n + a) * n + b] += product;
        }
    average(other[i], b2, sum * unit);
  }
  for (index_t s = 0; s < c; ++s)
    for (index_t q = 0; q < k; ++q) {
      double sum = 0;
      for (index_t a = 0; a < n; ++a)
        for (index_t b = 0; b < n; ++b)
          sum += squares[(s * n + a) * n + b] * static_cast<double>(vectors.at(a, q)) *
                 static_cast<double>(vectors.at(b, q));
      average(sliced[p.right ? s * k + q : q * c + s], b2, sum * unit);
    }
}

}  // namespace detail
}  // namespace mango
