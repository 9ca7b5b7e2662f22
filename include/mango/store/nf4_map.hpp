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
  MANGO_HD static constexpr float midpoint(int k) { return k == 15 ? 2.0f : (level(k) + level(k + 1)) * 0.5f; }
  MANGO_HD static constexpr float above(int k) { return k == 15 ? 2.0f : level(k + 1); }
  // the line from level k to the next, as position() follows it
  MANGO_HD static constexpr float slope(int k) { return k == 15 ? 0.0f : 65536.0f / (level(k + 1) - level(k)); }
  MANGO_HD static constexpr float start(int k) {
    return static_cast<float>(65536.0 * k + 0.5 - static_cast<double>(level(k)) * static_cast<double>(slope(k)));
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

  /// What is looked up. Whoever has a copy that is faster to read may hand it in.
  struct tables {
    float_table<16> levels, midpoints, slopes, starts, above;
  };
  MANGO_HD static const tables& kept() {
    using l = detail::nf4_levels;
    static constexpr tables all{tabulate<float, 16>(l::level), tabulate<float, 16>(l::midpoint),
                                tabulate<float, 16>(l::slope), tabulate<float, 16>(l::start),
                                tabulate<float, 16>(l::above)};
    return all;
  }

  /// Level k.
  MANGO_HD static constexpr float level(int k) { return detail::nf4_levels::level(k); }
  /// The midpoint between levels k and k + 1: y above it has a code above k.
  MANGO_HD static constexpr float midpoint(int k) { return detail::nf4_levels::midpoint(k); }

  /// What codes stand for, as shares of the block's largest magnitude.
  template <class T> MANGO_HD static T value(number_bits<T> code) { return T(lookup(kept().levels, code)); }

  /// The nearest codes or the ones below them.
  template <class T> MANGO_HD static number_bits<T> place(T y) { return about<T>(y, 7.24f); }
  /// The nearest codes, of two at one distance the lower, for y in [-1, 1], up to its rounding.
  template <class T> MANGO_HD static number_bits<T> nearest(T y, number_bits<T> place, const tables& t = kept()) {
    return y > T(lookup(t.midpoints, place)) ? place + 1u : place;
  }
  /// Where y in [-1, 1] is between two codes, as a code with 16 bits of fraction: linear from each level to the next.
  template <class T> MANGO_HD static number_ints<T> position(T y, number_bits<T> segment, const tables& t = kept()) {
    return truncate(product(y, T(lookup(t.slopes, segment))) + T(lookup(t.starts, segment)));
  }
  /// Which of these lines: the code of the level below.
  template <class T> MANGO_HD static number_bits<T> segment(T y, const tables& t = kept()) {
    const number_bits<T> k = about<T>(y, 6.74f);
    return y < T(lookup(t.above, k)) ? k : k + 1u;
  }

 private:
  // A parabola for each sign. With the offset of place() it stays at least a quarter within [k, k + 1) at every
  // midpoint k; half lower, it is k - 1 or k from level k to the next.
  template <class T> MANGO_HD static number_bits<T> about(T y, float offset) {
    return as_bits(truncate(y * (T(12.9f) - T(5.5f) * math::abs(y)) + T(offset)));
  }
};

}  // namespace mango
