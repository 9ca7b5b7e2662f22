#pragma once
// How a matrix is projected: which side, on how many vectors, and what that leaves of it. Decided once per tensor, from
// its shape alone.
#include "mango/core/shape.hpp"
#include "mango/project/choices.hpp"
#include "mango/project/vectors.hpp"

namespace mango::inline MANGO_ABI {

/// A tensor seen as a matrix, its first dimension by all others; rank 0: it is not projected.
struct projection {
  index_t rows = 0, cols = 0, rank = 0;
  index_t granularity = 1;  // slices that a row, or a column, was cut into first: rows or cols are so many times more
  bool right = false;

  bool projects() const { return rank > 0; }
  /// Of one side the basis has `rank` vectors of this length; what is left of the other side has as many numbers.
  index_t basis_length() const { return right ? cols : rows; }
  index_t compact_length() const { return right ? rows : cols; }
  index_t basis_elements() const { return rank * basis_length(); }
  /// What moments are kept of: m x r or r x n.
  mango::shape compact() const { return right ? mango::shape{rows, rank} : mango::shape{rank, cols}; }

  /// `count` vectors on the basis' side, or on the other, as they lie in memory: columns of what is m x r, rows of what
  /// is r x n.
  vectors_view vectors(float* at, index_t count) const { return side(at, count, right); }
  vectors_view compact_vectors(float* at, index_t count) const { return side(at, count, !right); }

 private:
  vectors_view side(float* at, index_t count, bool wide) const {
    return wide ? vectors_view{{at, count, cols, cols}, false} : vectors_view{{at, rows, count, count}, true};
  }
};

namespace detail {
// of the tensor itself
inline index_t original_rows(const projection& p) { return p.right ? p.rows / p.granularity : p.rows * p.granularity; }
inline index_t original_columns(const projection& p) {
  return p.right ? p.cols * p.granularity : p.cols / p.granularity;
}
}  // namespace detail

/// The projection of a tensor at rank r: at most the shorter side's length. Tensors of fewer than two dimensions, and
/// those of one row or column, are not projected.
inline projection projection_of(const shape& s, index_t rank, projection_side side) {
  projection p;
  if (s.dimensions() < 2 || s.elements() == 0) return p;
  p.rows = s[0];
  p.cols = s.elements() / s[0];
  const index_t shorter = p.rows < p.cols ? p.rows : p.cols;
  if (shorter < 2) return p;
  p.right = side == projection_side::right || (side == projection_side::std && p.rows >= p.cols) ||
            (side == projection_side::reverse_std && p.rows < p.cols);
  p.rank = rank < shorter ? rank : shorter;
  return p;
}

}  // namespace mango
