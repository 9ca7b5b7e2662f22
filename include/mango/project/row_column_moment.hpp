#pragma once
// The second moment of what comes back from a random subspace, by its rows and columns, without ever going back.
#include "mango/core/math.hpp"
#include "mango/pass/tally.hpp"
#include "mango/project/granular_options.hpp"
#include "mango/project/products.hpp"

namespace mango::inline MANGO_ABI {

/// ProjFactor's space. Of G' = R P^T / r, what a gradient is after projection and back, rows and columns of the mean
/// square are kept, and a step divides by the root of their product:
///   row_i <- b2 row_i + (1-b2) sum_j G'_ij^2, col_j likewise;  v_ij = row_i col_j / sum(row)
/// VLoRP's ProjFactor, Yang et al. 2025, arXiv:2505.01744. The sums need R alone: sum_j (g^T p_j)^2 = g^T (P P^T) g for
/// a slice's r numbers g, and a column's is p_j^T (sum g g^T) p_j. Gradients should stay below 1e18: their squares are
/// summed in float.
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

/// What a row of weights is divided by: sqrt(row[i] column[j] factor) + eps, for rows of `length` numbers; 0: by
/// nothing more.
struct row_column_divisor {
  const float *row, *column;
  index_t length;
  float factor, eps;
};

/// What update_moment() works in: sums of the two sides, two small matrices, and a slice of R times one of them.
struct moment_room {
  double *other, *slice;
  float *gram, *squares, *product;

  static index_t others(const projection& p) { return p.compact_length() / p.granularity; }
  static std::size_t bytes(const projection& p) {
    const index_t sums = others(p) + p.granularity, numbers = 2 * p.rank * p.rank + others(p) * p.rank;
    return static_cast<std::size_t>(sums + (numbers + 1) / 2) * sizeof(double);
  }
  moment_room(std::byte* at, const projection& p)
      : other(reinterpret_cast<double*>(at)),
        slice(other + others(p)),
        gram(reinterpret_cast<float*>(slice + p.granularity)),
        squares(gram + p.rank * p.rank),
        product(squares + p.rank * p.rank) {}
};

// row[i] <- sum_j a_ij^2 and column[j] <- sum_i a_ij^2: in float over 64 numbers, then in double
inline void sums_of_squares(const matrix_view<const float>& a, double* row, double* column) {
  constexpr index_t some = 64;
  for (index_t j = 0; j < a.cols; ++j) column[j] = 0;
  for (index_t i = 0; i < a.rows; i += some) {
    const index_t end = i + some < a.rows ? i + some : a.rows;
    packet sums[some];
    for (index_t k = i; k < end; ++k) sums[k - i] = packet(0.0f), row[k] = 0;
    index_t j = 0;
    for (; j + packet::lanes <= a.cols; j += packet::lanes) {
      packet down(0.0f);
      for (index_t k = i; k < end; ++k) {
        const packet x = load(a.data + k * a.ld, whole{j});
        down += x * x;
        sums[k - i] += x * x;
      }
      add_to_doubles(column + j, down);
      if (j / packet::lanes % some == some - 1)
        for (index_t k = i; k < end; ++k) row[k] += sum(sums[k - i]), sums[k - i] = packet(0.0f);
    }
    for (index_t k = i; k < end; ++k) {
      row[k] += sum(sums[k - i]);
      for (index_t rest = j; rest < a.cols; ++rest) {
        const double x = static_cast<double>(a.data[k * a.ld + rest]);
        row[k] += x * x;
        column[rest] += x * x;
      }
    }
  }
}

// one slice's share: other[i] += g_i^T P P^T g_i, and squares <- sum_i g_i g_i^T, of its r numbers g_i
template <class Backend>
void add_slice(const Backend& on, const projection& p, const float* r, index_t s, const moment_room& room) {
  const index_t n = p.rank, others = moment_room::others(p);
  const matrix_view<const float> gram{room.gram, n, n, n};
  const matrix_view<float> squares{room.squares, n, n, n};
  if (p.right) {
    const matrix_view<const float> g{r + s * n, others, n, p.granularity * n};
    on.template gemm<float>(1, g, true, g, false, 0, squares);
    on.template gemm<float>(1, g, false, gram, false, 0, matrix_view<float>{room.product, others, n, n});
    for (index_t i = 0; i < others; ++i)
      for (index_t k = 0; k < n; ++k)
        room.other[i] += static_cast<double>(room.product[i * n + k]) * static_cast<double>(g.data[i * g.ld + k]);
  } else {
    const matrix_view<const float> g{r + s * others, n, others, p.cols};
    on.template gemm<float>(1, g, false, g, true, 0, squares);
    on.template gemm<float>(1, gram, false, g, false, 0, matrix_view<float>{room.product, n, others, others});
    for (index_t k = 0; k < n; ++k)
      for (index_t i = 0; i < others; ++i)
        room.other[i] += static_cast<double>(room.product[k * others + i]) * static_cast<double>(g.data[k * g.ld + i]);
  }
}

// to <- b2 to + (1-b2) x
inline void average(float& to, double b2, double x) {
  to = static_cast<float>(b2 * static_cast<double>(to) + (1 - b2) * x);
}

/// `other` (one number per row of R's long side) and `sliced` (one per number of all slices) after one more R.
/// `vectors`: r vectors of a slice's length. `scale`: of the gradient.
template <class Backend>
void update_moment(const Backend& on, const projection& p, const vectors_view& vectors, const float* r, double scale,
                   double b2, float* other, float* sliced, const moment_room& room) {
  const index_t n = p.rank, c = p.granularity, length = p.basis_length(), others = moment_room::others(p);
  const double unit = scale * scale / static_cast<double>(n * n);
  const auto at = [&](index_t s, index_t q) -> float& { return sliced[p.right ? s * length + q : q * c + s]; };
  if (n == 1) {  // all signs squared are 1
    const matrix_view<const float> a{r, p.right ? others : c, p.right ? c : others, p.right ? c : others};
    sums_of_squares(a, p.right ? room.other : room.slice, p.right ? room.slice : room.other);
    for (index_t i = 0; i < others; ++i) average(other[i], b2, room.other[i] * unit * static_cast<double>(length));
    for (index_t s = 0; s < c; ++s)
      for (index_t q = 0; q < length; ++q) average(at(s, q), b2, room.slice[s] * unit);
    return;
  }
  const auto basis = constant(vectors.matrix);
  on.template gemm<float>(1, basis, vectors.columns, basis, !vectors.columns, 0,
                          matrix_view<float>{room.gram, n, n, n});
  for (index_t i = 0; i < others; ++i) room.other[i] = 0;
  for (index_t s = 0; s < c; ++s) {
    add_slice(on, p, r, s, room);
    for (index_t q = 0; q < length; ++q) {
      double sum = 0;
      for (index_t a = 0; a < n; ++a) {
        double inner = 0;
        for (index_t b = 0; b < n; ++b)
          inner += static_cast<double>(room.squares[a * n + b]) * static_cast<double>(vectors.at(b, q));
        sum += inner * static_cast<double>(vectors.at(a, q));
      }
      average(at(s, q), b2, sum * unit);
    }
  }
  for (index_t i = 0; i < others; ++i) average(other[i], b2, room.other[i] * unit);
}

// x[j] /= sqrt(row column[j] factor) + eps
inline void divide_row(float* x, index_t n, float row, const float* column, const row_column_divisor& by) {
  const auto divide = [&](auto at) {
    const packet root = math::sqrt(load(column, at) * (row * by.factor));
    save(x, at, load(static_cast<const float*>(x), at) / (root + by.eps));
  };
  index_t j = 0;
  for (; j + packet::lanes <= n; j += packet::lanes) divide(whole{j});
  if (j < n) divide(part_of{j, static_cast<int>(n - j)});
}
// with one vector all numbers of a slice have one divisor, and R can be divided before it comes back
template <class Backend>
void divide_slices(const Backend& on, const projection& p, const row_column_divisor& by, float* r,
                   const moment_room& room) {
  const index_t c = p.granularity, others = moment_room::others(p);
  if (!p.right) {
    on.run(c, [&](index_t s) { divide_row(r + s * others, others, by.row[s], by.column, by); });
    return;
  }
  auto* const column = reinterpret_cast<float*>(room.slice);  // whose sums have been used
  for (index_t s = 0; s < c; ++s) column[s] = by.column[s * p.basis_length()];
  on.run(pieces(others, 64), [&](index_t piece) {
    for (index_t i = piece * 64; i < others && i < piece * 64 + 64; ++i)
      divide_row(r + i * c, c, by.row[i], column, by);
  });
}

}  // namespace detail
}  // namespace mango
