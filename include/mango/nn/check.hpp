#pragma once
// What a layer asks of its arguments, checked at every call before anything is written. One sentence per refusal.
#include <string>

#include "mango/core/error.hpp"
#include "mango/nn/matrix.hpp"

namespace mango::inline MANGO_ABI::nn {

/// Returns `value`. Raises errc::config when it is below 1; `what` reads like "dense: in".
inline index_t require_positive(const char* what, index_t value) {
  if (value < 1) raise(errc::config, {what, " is ", digits(value), ", expected at least 1"}, what, 1, value);
  return value;
}

/// "3 x 100": how errors print the extents of a matrix.
template <class T> std::string extents_of(const matrix<T>& m) {
  return concat({digits(m.rows()), " x ", digits(m.cols())});
}

/// A batch of any size: raises errc::size unless `m` has exactly `columns` columns and at least one row.
template <class T> void require_columns(const char* what, const matrix<T>& m, index_t columns) {
  if (m.cols() == columns && m.rows() > 0) return;
  raise(errc::size,
        {what, " is ", extents_of(m), ", expected ", digits(columns), " columns and at least one row"}, what, columns,
        m.cols());
}

/// A gradient: raises errc::size unless `m` is rows x columns, the shape of what the last forward wrote.
template <class T> void require_shape(const char* what, const matrix<T>& m, index_t rows, index_t columns) {
  if (m.rows() == rows && m.cols() == columns) return;
  raise(errc::size,
        {what, " is ", extents_of(m), ", expected ", digits(rows), " x ", digits(columns), " as in the last forward"},
        what, rows * columns, m.size());
}

/// Raises errc::overlap when a layer that cannot work in place is given its input as its output.
template <class T> void require_apart(const char* what, const matrix<T>& in, const matrix<T>& out) {
  if (&in == &out) raise(errc::overlap, {what, " must not be the input matrix"}, what);
}

}  // namespace mango::inline MANGO_ABI::nn
