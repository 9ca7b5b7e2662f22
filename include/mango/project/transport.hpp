#pragma once
// What moments become when the basis that they are kept in changes.
#include "mango/project/products.hpp"
#include "mango/project/projection.hpp"

namespace mango::inline MANGO_ABI {

/// With C = P_new^T P_old:
///   rotate   M <- C M and V <- (C o C) V: the part of a momentum that survives is the same in the new basis, and
///            second moments stay positive, as if coordinates were uncorrelated
///   none     as they are, in a basis that they do not belong to, as the published GaLore does
///   reset    0, and bias correction starts anew
enum class moment_transport : std::uint8_t { rotate, none, reset };

/// "rotate", "none" or "reset".
constexpr const char* name_of(moment_transport t) {
  switch (t) {
    case moment_transport::none: return "none";
    case moment_transport::reset: return "reset";
    default: return "rotate";
  }
}

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
