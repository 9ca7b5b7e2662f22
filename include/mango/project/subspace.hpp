#pragma once
// Finding the few directions that hold most of a gradient: block power steps, from the last basis or from nothing.
#include "mango/project/factored_gradient.hpp"
#include "mango/project/orthonormal.hpp"
#include "mango/project/products.hpp"
#include "mango/project/projection.hpp"
#include "mango/project/ritz.hpp"

namespace mango::inline MANGO_ABI {

/// Directions that a start from nothing carries beside those that are wanted, and drops at its end.
inline constexpr index_t oversampling = 8;

/// Random directions that a refresh of few directions is given beside the last basis: these alone do not see what is
/// new and orthogonal to them.
inline constexpr index_t warm_extra = 4;

/// Power steps of a refresh from the last basis. A single one misses a new direction where there are few vectors to
/// meet it; with few they cost little.
constexpr int warm_steps(index_t rank) { return rank <= thin_rank ? 2 : 1; }

namespace detail {

constexpr index_t sketch_count(const projection& p) {
  const index_t shorter = p.rows < p.cols ? p.rows : p.cols, wanted = p.rank + oversampling;
  return wanted < shorter ? wanted : shorter;
}

/// What refreshes work in: two sets of vectors on the basis' side, one on the other, and sums of pieces.
struct subspace_room {
  float *first, *second, *other, *parts;
  std::byte* orthonormal;

  static std::size_t floats(const projection& p) {
    const index_t l = sketch_count(p), each = l * p.basis_length();
    return static_cast<std::size_t>(2 * each + l * p.compact_length() +
                                    (p.right && l <= thin_rank ? thin_pieces * each : 0));
  }
  static std::size_t bytes(const projection& p) {
    return floats(p) * sizeof(float) + 8 + orthonormal_scratch(sketch_count(p));
  }
  subspace_room(std::byte* scratch, const projection& p)
      : first(reinterpret_cast<float*>(scratch)),
        second(first + sketch_count(p) * p.basis_length()),
        other(second + sketch_count(p) * p.basis_length()),
        parts(other + sketch_count(p) * p.compact_length()),
        orthonormal(scratch + (floats(p) * sizeof(float) + 7) / 8 * 8) {}
};

// the largest |x|; infinite or NaN if one is
inline float largest_size(const matrix_view<float>& x) {
  float most = 0;
  for (index_t i = 0; i < x.rows; ++i)
    for (index_t j = 0; j < x.cols; ++j) {
      const float size = __builtin_fabsf(x.data[i * x.ld + j]);
      most = size > most ? size : most;
    }
  return most;
}
inline void multiply(const matrix_view<float>& x, float by) {
  for (index_t i = 0; i < x.rows; ++i)
    for (index_t j = 0; j < x.cols; ++j) x.data[i * x.ld + j] *= by;
}
// the power of two that brings x to between 1 and 2
inline int power_for(float x) { return -__builtin_ilogbf(x); }
/// Multiplies by a power of two, in two factors: 2^140 is no float.
inline void shift(const matrix_view<float>& x, int power) {
  multiply(x, __builtin_ldexpf(1, power / 2));
  multiply(x, __builtin_ldexpf(1, power - power / 2));
}
/// Brings the largest |x| to between 1 and 2. False where all are 0.
inline bool normalise(const matrix_view<float>& x) {
  const float most = largest_size(x);
  if (!(most > 0)) return false;
  shift(x, power_for(most));
  return true;
}

}  // namespace detail

/// What of G lies along each of some vectors, or lies on the other side: R = P^T G, or G Q^T. The vectors are on the
/// basis' side of p, `to` on the other.
template <class Backend, class Gradient>
void project_down(const Backend& on, const projection& p, const Gradient& g, const vectors_view& basis,
                  const vectors_view& to) {
  if (p.right) dots(on, g, detail::constant(basis.matrix), to.matrix);
  else combine(on, g, detail::constant(basis.matrix), to.matrix);
}
/// The other way: what of G lies along vectors of the other side. `to` is on the basis' side.
template <class Backend, class Gradient>
void project_across(const Backend& on, const projection& p, const Gradient& g, const vectors_view& from,
                    const vectors_view& to) {
  if (p.right) combine(on, g, detail::constant(from.matrix), to.matrix);
  else dots(on, g, detail::constant(from.matrix), to.matrix);
}

/// Y <- G G^T X (left) or X G^T G (right), up to a power of two: one step of the block power method, before its vectors
/// are made orthonormal. False, with Y undefined, if G X is 0.
template <class Backend, class Gradient>
bool power_step(const Backend& on, const projection& p, const Gradient& g, const vectors_view& x, const vectors_view& y,
                const detail::subspace_room& room) {
  const auto z = p.compact_vectors(room.other, x.count());
  if constexpr (!std::same_as<Gradient, factored_gradient>)
    if (p.right && x.count() <= thin_rank && x.matrix.data != y.matrix.data) {
      // as if its numbers were of the usual size; if they are not, once more
      thin_square(on, g, detail::constant(x.matrix), z.matrix, y.matrix, room.parts);
      const float most = detail::largest_size(z.matrix);
      if (most > 1e-15f && most < 1e15f) return true;
      if (!(most > 0)) return false;
    }
  project_down(on, p, g, x, z);
  if (!detail::normalise(z.matrix)) return false;
  project_across(on, p, g, z, y);
  return true;
}

/// The basis after `steps` power steps: of X = the last basis and `extra` directions that are random, or all random if
/// `cold`, those of the largest Ritz values of the last step. Halko, Martinsson & Tropp 2011, Algorithms 4.4 and 5.3,
/// with G G^T as matrix. False if the basis has nothing of G, as when G is 0: a warm one stays then, a cold one is
/// random. `key` seeds what is random: it is never drawn twice.
template <class Backend, class Gradient>
bool refresh(const Backend& on, const projection& p, const Gradient& g, float* basis, std::byte* scratch,
             const philox_key& key, bool cold, index_t extra, int steps) {
  const detail::subspace_room room(scratch, p);
  const index_t l = p.rank + extra;
  const auto out = p.vectors(basis, p.rank);
  auto x = extra > 0 ? p.vectors(room.first, l) : out, y = extra > 0 ? p.vectors(room.second, l) : out;
  if (extra > 0 && !cold) detail::copy_vectors(out, x, p.rank);
  for (index_t k = cold ? 0 : p.rank; k < l; ++k) detail::fill_signs(x, k, key);
  if (cold || extra > 0) orthonormalise(on, x, room.orthonormal, key);
  for (int k = 0; k < steps; ++k) {
    if (!power_step(on, p, g, x, y, room)) {
      if (cold && extra > 0) detail::copy_vectors(x, out, p.rank);
      return false;
    }
    const bool last = k + 1 == steps;
    if (last && extra > 0) detail::keep_ritz(on, x, y, out, room.orthonormal);
    const auto to = last ? out : y;
    detail::normalise(to.matrix);
    orthonormalise(on, to, room.orthonormal, key);
    y = x;
    x = to;
  }
  return true;
}

}  // namespace mango
