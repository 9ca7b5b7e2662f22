#pragma once
// What moments become when the basis that they are kept in changes, if they are to move along.
#include "mango/project/products.hpp"
#include "mango/project/projection.hpp"

namespace mango::inline MANGO_ABI {

/// C <- P_new^T P_old, of r x r numbers.
template <class Backend>
void overlap_of(const Backend& on, const vectors_view& now, const vectors_view& before, const matrix_view<float>& c) {
  on.template gemm<float>(1, detail::constant(now.matrix), now.columns, detail::constant(before.matrix),
                          !before.columns, 0, c);
}

/// out <- C X for numbers kept on the other side of p.
template <class Backend>
void transport(const Backend& on, const projection& p, const matrix_view<float>& c, const vectors_view& x,
               const vectors_view& out) {
  detail::each_piece(on, p.compact_length(), wide_columns, [&](index_t begin, index_t end) {
    const auto from = detail::constant(x.part(begin, end).matrix);
    const auto to = out.part(begin, end).matrix;
    if (x.columns) on.template gemm<float>(1, from, false, detail::constant(c), true, 0, to);
    else on.template gemm<float>(1, detail::constant(c), false, from, false, 0, to);
  });
}

}  // namespace mango
