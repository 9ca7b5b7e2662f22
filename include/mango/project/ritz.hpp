#pragma once
// Which directions inside a subspace hold most.
#include "mango/project/orthonormal.hpp"

namespace mango::inline MANGO_ABI::detail {

/// The first `count` vectors of out <- those of X.
inline void copy_vectors(const vectors_view& x, const vectors_view& out, index_t count) {
  for (index_t k = 0; k < count; ++k)
    for (index_t i = 0; i < out.length(); ++i) out.at(k, i) = x.at(k, i);
}

/// For orthonormal X and Y = A X, A symmetric: out <- W^T Y for the eigenvectors W of the largest eigenvalues of
/// X^T Y. `scratch`: orthonormal_scratch of as many as X has.
template <class Backend>
void keep_ritz(const Backend& on, const vectors_view& x, const vectors_view& y, const vectors_view& out,
               std::byte* scratch) {
  const index_t l = x.count(), r = out.count();
  const orthonormal_room room(scratch, l);
  auto* const h = reinterpret_cast<float*>(room.factor);
  const auto products = matrix_view<float>{h, l, l, l};
  on.template gemm<float>(1, constant(x.matrix), x.columns, constant(y.matrix), !x.columns, 0, products);
  for (index_t i = 0; i < l; ++i)
    for (index_t j = 0; j < l; ++j)
      room.gram[i * l + j] = (static_cast<double>(h[i * l + j]) + static_cast<double>(h[j * l + i])) / 2;
  on.eigenvectors(matrix_view<double>{room.gram, l, l, l}, room.norm);  // columns, from the smallest value on
  for (index_t k = 0; k < r; ++k)
    for (index_t j = 0; j < l; ++j) h[k * l + j] = static_cast<float>(room.gram[j * l + (l - 1 - k)]);
  const matrix_view<const float> w{h, r, l, l};
  if (x.columns) on.template gemm<float>(1, constant(y.matrix), false, w, true, 0, out.matrix);
  else on.template gemm<float>(1, w, false, constant(y.matrix), false, 0, out.matrix);
}

}  // namespace mango::inline MANGO_ABI::detail
