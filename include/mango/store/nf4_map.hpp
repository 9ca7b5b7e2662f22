#pragma once
// The code table NormalFloat-4.
#include "mango/core/lookup.hpp"
#include "mango/core/math.hpp"

namespace mango::inline MANGO_ABI {

namespace detail {
struct nf4_levels {
  MANGO_HD static constexpr float level(int k) {
    constexpr std::uint32_t patterns[] = {0xbf800000u, 0xbf3239b1u, 0xbf066b30u, 0xbeca32a0u, 0xbe91a24du, 0xbe3d353fu,
                                          0xbdba7871u, 0x00000000u, 0x3da2faffu, 0x3e24cae3u, 0x3e7c04ddu, 0x3ead033au,
                                          0x3ee1a4b8u, 0x3f1007abu, 0x3f3913b3u, 0x3f800000u};
    return __builtin_bit_cast(float, patterns[k]);
  }
  MANGO_HD static constexpr float midpoint(int k) { return (level(k) + level(k + 1)) * 0.5f; }
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
  MANGO_HD static constexpr float level(int k) { return detail::nf4_levels::level(k); }
  /// The midpoint between levels k and k + 1: y above it has a code above k.
  MANGO_HD static constexpr float midpoint(int k) { return detail::nf4_levels::midpoint(k); }

  /// What codes stand for, as shares of the block's largest magnitude.
  template <class T> MANGO_HD static T value(number_bits<T> code) {
    static constexpr float_table<16> levels{level(0),  level(1),  level(2),  level(3), level(4),  level(5),
                                            level(6),  level(7),  level(8),  level(9), level(10), level(11),
                                            level(12), level(13), level(14), level(15)};
    return T(lookup(levels, code));
  }

  /// What place() and code() take for y in [-1, 1], up to its rounding: itself.
  template <class T> MANGO_HD static T prepare(T y) { return y; }
  /// The nearest codes or the ones below them.
  template <class T> MANGO_HD static number_bits<T> place(T y) {
    // a parabola for each sign that stays at least a quarter within [k, k + 1) at every midpoint k
    return as_bits(truncate(y * (T(12.9f) - T(5.5f) * math::abs(y)) + T(7.24f)));
  }
  /// The nearest codes, of two at one distance the lower.
  template <class T> MANGO_HD static number_bits<T> code(T y, number_bits<T> place) {
    static constexpr float_table<16> midpoints{
        midpoint(0), midpoint(1), midpoint(2),  midpoint(3),  midpoint(4),  midpoint(5),  midpoint(6),  midpoint(7),
        midpoint(8), midpoint(9), midpoint(10), midpoint(11), midpoint(12), midpoint(13), midpoint(14), 2.0f};
    return y > T(lookup(midpoints, place)) ? place + 1u : place;
  }
};

}  // namespace mango
