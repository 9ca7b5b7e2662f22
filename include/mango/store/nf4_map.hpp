#pragma once
// The code table NormalFloat-4.
#include "mango/core/lookup.hpp"
#include "mango/core/math.hpp"

namespace mango::inline MANGO_ABI {

namespace detail {
struct nf4_levels {
  static constexpr float level(int k) {
    constexpr std::uint32_t patterns[] = {0xbf800000u, 0xbf3239b1u, 0xbf066b30u, 0xbeca32a0u, 0xbe91a24du, 0xbe3d353fu,
                                          0xbdba7871u, 0x00000000u, 0x3da2faffu, 0x3e24cae3u, 0x3e7c04ddu, 0x3ead033au,
                                          0x3ee1a4b8u, 0x3f1007abu, 0x3f3913b3u, 0x3f800000u};
    return __builtin_bit_cast(float, patterns[k]);
  }
  static constexpr float midpoint(int k) { return (level(k) + level(k + 1)) * 0.5f; }

  // [-1, 1] in 32 cells, none with two midpoints in it: how many lie below a cell (as a pattern), and which is in it
  static constexpr float cell_scale = 15.999f;  // not 16: 1 belongs to the last cell
  struct cells {
    float below[32], inside[32];
  };
  static constexpr cells make_cells() {
    cells c{};
    for (int i = 0; i < 32; ++i) {
      const double low = (i - 16) / static_cast<double>(cell_scale), high = (i - 15) / static_cast<double>(cell_scale);
      int below = 0;
      while (below < 15 && static_cast<double>(midpoint(below)) < low) ++below;
      const float next = below < 15 ? midpoint(below) : 2.0f;
      c.below[i] = __builtin_bit_cast(float, below);
      c.inside[i] = static_cast<double>(next) < high ? next : 2.0f;
    }
    return c;
  }
};
}  // namespace detail

/// 16 levels in [-1, 1], quantiles of the normal distribution with an exact 0 (code 7) and both ends: Dettmers et al.
/// 2023, Appendix E, arXiv:2305.14314. The bits are those of published checkpoints; evaluating the paper's formula
/// gives numbers that are off by up to 1.9e-7.
struct nf4_map {
  static constexpr const char* name = "nf4";
  static constexpr int bits = 4, count = 16, first = 0, last = 15, zero = 7;
  static constexpr bool nonnegative = false, has_zero = true;

  /// Level k.
  static constexpr float level(int k) { return detail::nf4_levels::level(k); }
  /// The midpoint between levels k and k + 1: y above it has a code above k.
  static constexpr float midpoint(int k) { return detail::nf4_levels::midpoint(k); }

  /// What codes stand for, as shares of the block's largest magnitude.
  template <class T> MANGO_HD static T value(number_bits<T> code) {
    static constexpr float_table<16> levels{level(0),  level(1),  level(2),  level(3), level(4),  level(5),
                                            level(6),  level(7),  level(8),  level(9), level(10), level(11),
                                            level(12), level(13), level(14), level(15)};
    return T(lookup(levels, code));
  }

  /// The nearest codes, of two at one distance the lower. y is in [-1, 1], up to its rounding.
  template <class T> MANGO_HD static number_bits<T> nearest(T y) {
    if constexpr (lanes_per<T> == 16) return by_cell(y);
    else if constexpr (lanes_per<T> == 8) return by_halving(y);
    else return by_counting(y);
  }

 private:
  template <class T> MANGO_HD static number_bits<T> by_counting(T y) {
    number_bits<T> code{};
    for (int k = 0; k < count - 1; ++k) code = y > T(midpoint(k)) ? code + 1u : code;
    return code;
  }
  template <class T> MANGO_HD static number_bits<T> by_halving(T y) {
    static constexpr float_table<8> quarters{midpoint(1), midpoint(5), midpoint(9), midpoint(13),
                                             midpoint(1), midpoint(5), midpoint(9), midpoint(13)};
    static constexpr float_table<8> eighths{midpoint(0), midpoint(2),  midpoint(4),  midpoint(6),
                                            midpoint(8), midpoint(10), midpoint(12), midpoint(14)};
    using bits_t = number_bits<T>;
    const auto upper = y > T(midpoint(7));
    const T quarter = math::select(upper, T(midpoint(11)), T(midpoint(3)));
    bits_t code = upper ? bits_t{} + 2u : bits_t{};
    code = y > quarter ? code + 1u : code;  // the upper two bits
    code = code * 2u + (as_bits(y > T(lookup(quarters, code))) & 1u);
    return code * 2u + (as_bits(y > T(lookup(eighths, code))) & 1u);
  }
  // the cell says how many midpoints lie below, a comparison says whether the one inside does
  template <class T> MANGO_HD static number_bits<T> by_cell(T y) {
    static constexpr detail::nf4_levels::cells cells = detail::nf4_levels::make_cells();
    static constexpr float_table<32> below{cells.below}, inside{cells.inside};
    const number_bits<T> cell = as_bits(truncate(y * T(detail::nf4_levels::cell_scale) + T(16.0f)));
    const number_bits<T> code = to_bits(T(lookup(below, cell)));
    return y > T(lookup(inside, cell)) ? code + 1u : code;
  }
};

}  // namespace mango
