#pragma once
// A slot as a column times a row, with one sign bit per number: a moment in 0.13 bytes per parameter.
#include "mango/core/matrix_grid.hpp"
#include "mango/store/store.hpp"

namespace mango::inline MANGO_ABI {

/// What a factored momentum does with a number whose gradient is exactly zero: its sign bit cannot say zero.
///   lazy       such numbers have no momentum in that step, and put none into the sums: an entry whose gradient is
///              always zero never moves. One whose gradient is sometimes zero loses its momentum then.
///   reference  as published: it decodes to minus the product of its factors, and drifts
enum class zeros : std::uint8_t { lazy, reference };

/// One slot of a factored store. `columns` sums to 1 (or is all zero), `rows` holds the row sums of what was saved.
template <bool Signed, zeros Zeros, matricization How> struct factored_slot {
  static constexpr bool factored = true, has_signs = Signed, is_lazy = Signed && Zeros == zeros::lazy, rounds = false;
  static constexpr matricization how = How;
  static constexpr const char* name = "factored";
  static constexpr double bits = Signed ? 1 : 0;
  static constexpr auto parts = [] {
    if constexpr (Signed)
      return std::array{part{"rows", dtype::f32}, part{"columns", dtype::f32}, part{"signs", dtype::u8}};
    else return std::array{part{"rows", dtype::f32}, part{"columns", dtype::f32}};
  }();
  static index_t elements(int k, const shape& s) {
    const matrix_grid grid(s, How);
    return k == 0 ? grid.rows : k == 1 ? grid.columns : (grid.elements + 7) / 8;
  }

  struct view {
    float* rows;
    float* columns;
    std::uint8_t* signs;  // bit i d2 + j says that number (i, j) is positive, lowest bit first; null when unsigned
  };
  static view bind(std::byte* const* at) {
    return {reinterpret_cast<float*>(at[0]), reinterpret_cast<float*>(at[1]),
            Signed ? reinterpret_cast<std::uint8_t*>(at[2]) : nullptr};
  }
};

/// A non-negative matrix X as r c', r_i = sum_j X_ij, c_j = sum_i X_ij / sum X (Shazeer & Stern 2018, Algorithm 3,
/// arXiv:1804.04235), and for slots that take both signs a bit per number, 1 for positive: SMMF, Park & Lee 2025,
/// Algorithms 3-4, arXiv:2412.08894. The tensor is cut into a nearly square matrix, or with `matricization::axes`
/// between its own axes (core/matrix_grid.hpp). Rows, columns and their total are those of X; X of rank one is kept
/// exactly; a row of zeros stays one.
///   bytes per slot   4 (d1 + d2), and n / 8 for signs
/// A tensor for which that is no less than fp32 (a prime number of elements, say) is kept in fp32.
/// Gradients should stay below 1e18: a sum beyond the largest float is kept as that, which makes no NaN, but is wrong.
/// Differs: SMMF's code keeps a byte per sign; ours are flat bits, whatever the shape. Sums are double across blocks of
/// 32 rows: in float, sign bits flip. Published code divides by max(sum, 1e-12), which shrinks small states; we divide
/// when the sum is above zero. `zeros` says what a sign bit means at a gradient of zero.
template <zeros Zeros = zeros::lazy, matricization How = matricization::square> struct factored {
  static constexpr const char* name = "factored";
  template <range R> using of = factored_slot<R == range::any, Zeros, How>;
};

/// Cut between two of the tensor's own axes: rows and columns are the layer's, as in Adafactor.
using factored_axes = factored<zeros::lazy, matricization::axes>;

}  // namespace mango
