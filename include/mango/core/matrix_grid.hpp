#pragma once
// How a tensor is cut into a matrix, and the matrix into blocks of rows that are worked on at once.
#include "mango/core/shape.hpp"

namespace mango::inline MANGO_ABI {

/// How n numbers become a matrix.
///   square  d2 = the largest divisor of n that is at most sqrt(n), d1 = n / d2: SMMF's square-matricization (Park &
///           Lee 2025, Algorithm 2, arXiv:2412.08894). A prime n is a single column.
///   ragged  d2 = the multiple of 32 next to sqrt(n), d1 = ceil(n / d2), and the last row is short: nearly square for
///           every n.
///   axes    between two of the tensor's axes, where d1 + d2 is least: a matrix is itself, a convolution's kernel is
///           outputs by everything else, a vector a single column.
enum class matricization : std::uint8_t { square, ragged, axes };

/// floor(sqrt(n)), exact.
constexpr index_t integer_sqrt(index_t n) {
  if (n < 2) return n;
  index_t x = n, next = n / 2 + n % 2;  // Newton, from above
  while (next < x) {
    x = next;
    next = (x + n / x) / 2;
  }
  return x;
}

/// A d1 x d2 matrix over a flat tensor, row-major, in chunks of whole rows.
struct matrix_grid {
  /// At most so many chunks per tensor: their column sums are the scratch of a factored store.
  static constexpr index_t most_chunks = 16;
  /// No chunk is smaller than this, unless the tensor is.
  static constexpr index_t least_elements = index_t{1} << 18;
  /// Column sums go to double precision after so many rows, and chunks are whole multiples of it.
  static constexpr index_t flush_rows = 32;

  index_t elements = 0, rows = 0, columns = 0, chunk_rows = 0;

  constexpr matrix_grid() = default;
  /// Of n numbers whose axes are not known: with `axes`, a vector.
  constexpr matrix_grid(index_t n, matricization how) : elements(n) {
    if (n == 0) return;
    const index_t root = integer_sqrt(n);
    columns = how == matricization::axes ? 1 : root;
    if (how == matricization::ragged) columns = (root + 16) / 32 * 32 < 32 ? 32 : (root + 16) / 32 * 32;
    while (how == matricization::square && n % columns != 0) --columns;
    cut_rows();
  }
  matrix_grid(const shape& s, matricization how) : matrix_grid(s.elements(), how) {
    if (how != matricization::axes || elements == 0) return;
    index_t inner = 1;
    for (int i = s.dimensions() - 1; i > 0; --i) {
      inner *= s[i];
      if (elements / inner + inner < rows + columns) rows = elements / inner, columns = inner;
    }
    cut_rows();
  }
  constexpr index_t chunks() const { return rows == 0 ? 0 : (rows + chunk_rows - 1) / chunk_rows; }
  /// Elements of a chunk: [first(chunk), first(chunk + 1)).
  constexpr index_t first(index_t chunk) const {
    const index_t at = chunk * chunk_rows * columns;
    return at < elements ? at : elements;
  }
  /// Columns of a row: all, except in the last row of a ragged matrix.
  constexpr index_t width(index_t row) const {
    const index_t left = elements - row * columns;
    return left < columns ? left : columns;
  }

 private:
  constexpr void cut_rows() {
    rows = (elements + columns - 1) / columns;
    const index_t even = (rows + most_chunks - 1) / most_chunks, least = (least_elements + columns - 1) / columns;
    const index_t wanted = even > least ? even : least;
    chunk_rows = (wanted + flush_rows - 1) / flush_rows * flush_rows;
  }
};

}  // namespace mango
