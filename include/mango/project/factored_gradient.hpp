#pragma once
// A layer's gradient as the two factors that backpropagation has anyway: projected without ever being formed.
#include "mango/project/products.hpp"
#include "mango/project/projection.hpp"

namespace mango::inline MANGO_ABI {

/// G = D^T X: of B examples the outputs' gradients D (B x m) and the inputs X (B x n) of a layer whose weights are
/// m x n. Products with it take 2 B r (m + n) operations, where forming G takes 2 B m n.
struct factored_gradient {
  matrix_view<const float> deltas, inputs;
  projection seen_as;
  float* room;  // factored_room() numbers

  index_t granularity() const { return seen_as.granularity; }
};

/// Examples that are projected at a time.
inline constexpr index_t factored_batch = 256;

/// Numbers that products with `count` vectors work in.
constexpr index_t factored_room(const projection& p, index_t count) { return factored_batch * count * p.granularity; }

namespace detail {

// f(first example, how many) for every batch of them
template <class F> void each_batch(const factored_gradient& g, const F& f) {
  for (index_t i = 0; i < g.deltas.rows; i += factored_batch)
    f(i, g.deltas.rows - i < factored_batch ? g.deltas.rows - i : factored_batch);
}
// out <- or += a^T b, in pieces of a's columns
template <class Backend>
void add_transposed(const Backend& on, const matrix_view<const float>& a, const matrix_view<const float>& b, bool first,
                    const matrix_view<float>& out) {
  each_piece(on, a.cols, wide_columns, [&](index_t i, index_t end) {
    on.template gemm<float>(1, columns_of(a, i, end), true, b, false, first ? 0 : 1, rows_of(out, i, end));
  });
}

}  // namespace detail

/// C <- G B^T.  Slices of the inputs are projected first: T = X B^T, B x (c r), and C = D^T T, m x (c r).
template <class Backend>
void dots(const Backend& on, const factored_gradient& g, const matrix_view<const float>& b,
          const matrix_view<float>& c) {
  const index_t slices = g.granularity(), width = slices * b.rows;
  detail::each_batch(g, [&](index_t first, index_t count) {
    const auto x = detail::rows_of(g.inputs, first, first + count);
    dots(on, matrix_view<const float>{x.data, count * slices, b.cols, b.cols}, b,
         matrix_view<float>{g.room, count * slices, b.rows, b.rows});
    detail::add_transposed(on, detail::rows_of(g.deltas, first, first + count), {g.room, count, width, width},
                           first == 0, matrix_view<float>{c.data, g.deltas.cols, width, width});
  });
}

/// B <- C^T G.  The deltas are projected first: for every example T = C^T D, r x c, and B = T^T X, (r c) x n.
template <class Backend>
void combine(const Backend& on, const factored_gradient& g, const matrix_view<const float>& c,
             const matrix_view<float>& b) {
  const index_t slices = g.granularity(), width = slices * c.cols, n = g.inputs.cols;
  detail::each_batch(g, [&](index_t first, index_t count) {
    const auto d = detail::rows_of(g.deltas, first, first + count);
    const matrix_view<float> t{g.room, count, width, width};
    if (slices == 1) on.template gemm<float>(1, d, false, c, false, 0, t);
    else
      on.run(count, [&](index_t i) {
        on.template gemm<float>(1, c, true, matrix_view<const float>{d.data + i * d.ld, c.rows, slices, slices}, false,
                                0, matrix_view<float>{t.data + i * width, c.cols, slices, slices});
      });
    detail::add_transposed(on, detail::constant(t), detail::rows_of(g.inputs, first, first + count), first == 0,
                           matrix_view<float>{b.data, width, n, n});
  });
}

}  // namespace mango
