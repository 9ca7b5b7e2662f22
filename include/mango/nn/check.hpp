#pragma once
// What a layer asks of its arguments, checked at every call before anything is written. One sentence per refusal.
#include <initializer_list>
#include <string>
#include <string_view>

#include "mango/core/error.hpp"
#include "mango/core/text.hpp"
#include "mango/nn/matrix.hpp"

namespace mango::inline MANGO_ABI::nn {

/// Raises an error about the argument `what` (which reads like "dense: x") with a sentence put together from pieces.
/// Out of line: a check costs its caller a comparison and a call.
[[noreturn]] __attribute__((noinline, cold)) inline void refuse(errc code,
                                                                std::initializer_list<std::string_view> pieces,
                                                                std::string_view what, index_t expected = 0,
                                                                index_t got = 0) {
  raise(error(code, concat(pieces), std::string(what), expected, got));
}

/// Returns `value`. Raises errc::config when it is below 1; `what` reads like "dense: in".
inline index_t require_positive(const char* what, index_t value) {
  if (value < 1) refuse(errc::config, {what, " is ", digits(value), ", expected at least 1"}, what, 1, value);
  return value;
}

/// "3 x 100": how errors print the extents of a matrix.
template <class T> std::string extents_of(const matrix<T>& m) {
  return concat({digits(m.rows()), " x ", digits(m.cols())});
}

/// A batch of any size: raises errc::size unless `m` has exactly `columns` columns and at least one row.
template <class T> void require_columns(const char* what, const matrix<T>& m, index_t columns) {
  if (m.cols() == columns && m.rows() > 0) return;
  refuse(errc::size, {what, " is ", extents_of(m), ", expected ", digits(columns), " columns and at least one row"},
         what, columns, m.cols());
}

/// A gradient: raises errc::size unless `m` is rows x columns, the shape of what the last forward wrote.
template <class T> void require_shape(const char* what, const matrix<T>& m, index_t rows, index_t columns) {
  if (m.rows() == rows && m.cols() == columns) return;
  refuse(errc::size,
         {what, " is ", extents_of(m), ", expected ", digits(rows), " x ", digits(columns), " as in the last forward"},
         what, rows * columns, m.size());
}

/// Raises errc::overlap when a layer that cannot work in place is given its input as its output.
template <class T> void require_apart(const char* what, const matrix<T>& in, const matrix<T>& out) {
  if (&in == &out) refuse(errc::overlap, {what, " must not be the input matrix"}, what);
}

}  // namespace mango::inline MANGO_ABI::nn
