#pragma once
// Vectors made orthonormal, whatever they are: always as many as went in.
#include "mango/core/philox.hpp"
#include "mango/project/vectors.hpp"

namespace mango::inline MANGO_ABI {

inline constexpr index_t orthonormal_panel = 256;

/// Bytes of scratch that orthonormalise() takes for r vectors: three r x r matrices, a panel and some rows, in double.
constexpr std::size_t orthonormal_scratch(index_t r) {
  return static_cast<std::size_t>(3 * r * r + r * (orthonormal_panel + 2)) * sizeof(double);
}

namespace detail {

// working memory for r vectors, cut up
struct orthonormal_room {
  index_t r;
  double *gram, *factor, *inverse, *panel, *norm, *taken;
  orthonormal_room(std::byte* scratch, index_t count)
      : r(count),
        gram(reinterpret_cast<double*>(scratch)),
        factor(gram + r * r),
        inverse(factor + r * r),
        panel(inverse + r * r),
        norm(panel + r * orthonormal_panel),
        taken(norm + r) {}
  // of vectors scaled to length 1: in place of the Gram matrix itself, whose range is that of their lengths squared
  double correlation(index_t i, index_t j) const { return gram[i * r + j] * norm[i] * norm[j]; }
};

// gram <- X X^T in double, a panel at a time: in float it loses steep spectra. norm <- 1 / length, 0 of nothing
template <class Backend> void gram_of(const Backend& on, const vectors_view& x, const orthonormal_room& room) {
  const index_t r = x.count(), n = x.length();
  for (index_t i = 0; i < r * r; ++i) room.gram[i] = 0;
  for (index_t j = 0; j < n; j += orthonormal_panel) {
    const auto m = x.part(j, n - j < orthonormal_panel ? n : j + orthonormal_panel).matrix;
    for (index_t i = 0; i < m.rows; ++i)
      for (index_t k = 0; k < m.cols; ++k) room.panel[i * m.cols + k] = static_cast<double>(m.data[i * m.ld + k]);
    const matrix_view<const double> d{room.panel, m.rows, m.cols, m.cols};
    on.template gemm<double>(1, d, x.columns, d, !x.columns, 1, matrix_view<double>{room.gram, r, r, r});
  }
  for (index_t i = 0; i < r; ++i)
    room.norm[i] = room.gram[i * r + i] > 0 ? 1 / __builtin_sqrt(room.gram[i * r + i]) : 0;
}

// factor <- upper R with R^T R = correlations. Returns the first pivot that is not above `least`, r if there is none
inline index_t factor_correlations(const orthonormal_room& room, double least) {
  const index_t n = room.r;
  double* const r = room.factor;
  for (index_t i = 0; i < n; ++i)
    for (index_t j = 0; j < n; ++j) r[i * n + j] = j < i ? 0 : room.correlation(i, j);
  for (index_t k = 0; k < n; ++k) {
    const double pivot = r[k * n + k];
    if (!(pivot > least)) return k;
    const double root = __builtin_sqrt(pivot);
    for (index_t j = k; j < n; ++j) r[k * n + j] /= root;
    for (index_t i = k + 1; i < n; ++i) {
      const double f = r[k * n + i];
      for (index_t j = i; j < n; ++j) r[i * n + j] -= f * r[k * n + j];
    }
  }
  return n;
}
// inverse <- R^-1
inline void invert_factor(const orthonormal_room& room) {
  const index_t n = room.r;
  const double* const r = room.factor;
  double* const x = room.inverse;
  for (index_t i = 0; i < n * n; ++i) x[i] = 0;
  for (index_t i = n; i-- > 0;) {
    const double one = 1 / r[i * n + i];
    x[i * n + i] = one;
    for (index_t k = i + 1; k < n; ++k) {
      const double f = -r[i * n + k] * one;
      for (index_t j = k; j < n; ++j) x[i * n + j] += f * x[k * n + j];
    }
  }
}
// X <- R^-T X, with the lengths taken out, a panel at a time
template <class Backend> void apply_inverse(const Backend& on, const vectors_view& x, const orthonormal_room& room) {
  const index_t r = x.count(), n = x.length();
  auto* const t = reinterpret_cast<float*>(room.gram);  // not needed any more
  auto* const panel = reinterpret_cast<float*>(room.panel);
  for (index_t i = 0; i < r; ++i)
    for (index_t j = 0; j < r; ++j) t[i * r + j] = static_cast<float>(room.inverse[j * r + i] * room.norm[j]);
  const matrix_view<const float> by{t, r, r, r};
  for (index_t j = 0; j < n; j += orthonormal_panel) {
    const auto m = x.part(j, n - j < orthonormal_panel ? n : j + orthonormal_panel).matrix;
    for (index_t i = 0; i < m.rows; ++i)
      std::memcpy(panel + i * m.cols, m.data + i * m.ld, static_cast<std::size_t>(m.cols) * sizeof(float));
    const matrix_view<const float> old{panel, m.rows, m.cols, m.cols};
    if (x.columns) on.template gemm<float>(1, old, false, by, true, 0, m);
    else on.template gemm<float>(1, by, false, old, false, 0, m);
  }
}

// Pivoted Cholesky: takes the vector that is farthest from all taken before, as long as one is far enough. The others
// follow from these; how many there are is returned.
inline index_t choose_independent(const orthonormal_room& room, double least) {
  const index_t n = room.r;
  double* const a = room.factor;
  for (index_t i = 0; i < n; ++i) room.taken[i] = 0;
  for (index_t i = 0; i < n; ++i)
    for (index_t j = 0; j < n; ++j) a[i * n + j] = room.correlation(i, j);
  for (index_t rest = n;; --rest) {
    index_t best = -1;
    for (index_t i = 0; i < n; ++i)
      if (room.taken[i] == 0 && (best < 0 || a[i * n + i] > a[best * n + best])) best = i;
    if (best < 0 || !(a[best * n + best] > least)) return rest;
    room.taken[best] = 1;
    for (index_t i = 0; i < n; ++i) {
      if (room.taken[i] != 0) continue;
      const double f = a[i * n + best] / a[best * n + best];
      for (index_t j = 0; j < n; ++j)
        if (room.taken[j] == 0) a[i * n + j] -= f * a[best * n + j];
    }
  }
}
// signs of a stream: the elements of vector k, in order
inline void fill_signs(const vectors_view& x, index_t k, const philox_key& key) {
  const index_t n = x.length();
  for (index_t i = 0; i < n; i += 128) {
    const auto b = random_block(key, static_cast<std::uint64_t>(k * ((n + 127) / 128) + i / 128));
    for (index_t j = i; j < n && j < i + 128; ++j) x.at(k, j) = b[(j - i) / 32] >> ((j - i) % 32) & 1 ? 1.0f : -1.0f;
  }
}

}  // namespace detail

/// Makes r vectors of length n >= r orthonormal; they span what they did before. CholeskyQR2: X <- R^-T X for the
/// factor R of the Gram matrix X X^T = R^T R, twice, R in double. Yamamoto et al. 2015, Algorithm 2.
/// Vectors that follow from others (a gradient of low rank has many) are replaced by random signs, of the stream of
/// `key`, first: there are always r afterwards. Finite numbers in, finite numbers out. `scratch`: orthonormal_scratch.
template <class Backend>
void orthonormalise(const Backend& on, const vectors_view& x, std::byte* scratch, philox_key key) {
  const detail::orthonormal_room room(scratch, x.count());
  for (int round = 0; round < 2;) {
    detail::gram_of(on, x, room);
    const index_t bad = detail::factor_correlations(room, 1e-12);
    if (bad == x.count()) {
      detail::invert_factor(room);
      detail::apply_inverse(on, x, room);
      ++round;
      continue;
    }
    if (detail::choose_independent(room, 1e-9) == 0) room.taken[bad] = 0;
    for (index_t k = 0; k < x.count(); ++k)
      if (room.taken[k] == 0) detail::fill_signs(x, k, key);
    ++key.epoch;
  }
}

}  // namespace mango
