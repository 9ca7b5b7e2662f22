#pragma once
// Some vectors as they lie in a matrix: its rows, or its columns.
#include "mango/core/view.hpp"

namespace mango::inline MANGO_ABI {

namespace detail {
template <class T> matrix_view<T> rows_of(const matrix_view<T>& a, index_t begin, index_t end) {
  return {a.data + begin * a.ld, end - begin, a.cols, a.ld};
}
template <class T> matrix_view<T> columns_of(const matrix_view<T>& a, index_t begin, index_t end) {
  return {a.data + begin, a.rows, end - begin, a.ld};
}
inline matrix_view<const float> constant(const matrix_view<float>& a) { return {a.data, a.rows, a.cols, a.ld}; }
}  // namespace detail

/// r vectors of length n, as the rows of a matrix or as its columns.
struct vectors_view {
  matrix_view<float> matrix;
  bool columns = false;
  index_t count() const { return columns ? matrix.cols : matrix.rows; }
  index_t length() const { return columns ? matrix.rows : matrix.cols; }
  float& at(index_t k, index_t i) const {
    return columns ? matrix.data[i * matrix.ld + k] : matrix.data[k * matrix.ld + i];
  }
  /// Elements [begin, end) of all of them.
  vectors_view part(index_t begin, index_t end) const {
    return {columns ? detail::rows_of(matrix, begin, end) : detail::columns_of(matrix, begin, end), columns};
  }
};

}  // namespace mango
