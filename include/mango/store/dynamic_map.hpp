#pragma once
// The code tables "dynamic tree" of 8 bits: seven decades, each with twice as many values as the one below it.
#include "mango/core/lookup.hpp"
#include "mango/core/math.hpp"

namespace mango::inline MANGO_ABI {

/// Decade i = 0 ... 6 holds n = 2^i values of each sign (2^(i+1) in the unsigned table),
///   10^(i-6) (0.1 + 0.9 (j + 1/2) / n),  j = 0 ... n-1,
/// and there are exact 0 and +1. The signed table has no -1: its most negative value is -0.99296875. Dettmers et al.
/// 2022, "8-bit optimizers via block-wise quantization", arXiv:2110.02861, section 2.2.
/// Differs: published tables carry the rounding of how they were computed. Ours is arithmetic, which is faster than
/// looking 256 entries up: the values are (18 k - 16 n + 9) c for the rounded constant c = 10^(i-6) / 20n, an integer
/// times a number, within 2 units in the last place of the published ones; the codes mean the same.
template <bool Signed> struct dynamic_map {
  static constexpr const char* name = "dynamic8";
  static constexpr int bits = 8, count = 256, first = 0, last = 255, zero = Signed ? 127 : 0;
  static constexpr bool nonnegative = !Signed, has_zero = true;

  /// What is looked up. Whoever has a copy that is faster to read may hand it in.
  struct tables {
    float_table<16> units, shifts, slopes, starts, bends;
    word_table<32> missing;
  };
  MANGO_HD static const tables& kept() {
    static constexpr tables all{tabulate<float, 16>(unit_at),    tabulate<float, 16>(shift_at),
                                tabulate<float, 16>(line_slope), tabulate<float, 16>(line_start),
                                tabulate<float, 16>(bend),       tabulate<std::uint32_t, 32>(missing_at)};
    return all;
  }

  /// What codes stand for, as shares of the block's largest magnitude.
  template <class T> MANGO_HD static T value(number_bits<T> code) {
    // k/256: its exponents are those of 2^-8 ... 1, so that zero has a place of its own among 16
    constexpr std::uint32_t base = pattern_of(0x1p15f);
    const T k = from_pattern<T>(code | base) - T(0x1p15f + (Signed ? 127 : -1) * 0x1p-8f);
    const tables& t = kept();
    const number_bits<T> pattern = to_bits(k), exponent = pattern >> 23;
    const T shift = from_pattern<T>(to_bits(T(lookup(t.shifts, exponent))) ^ (pattern & 0x80000000u));
    return product(k * T(18 * 256.0f) + shift, T(lookup(t.units, exponent)));
  }

  /// Where y in [-1, 1] is between two codes, as a code with 16 bits of fraction: linear from each value to the next.
  /// From a decade to the gap above it to the next decade the line gets less steep, so the lower of two lines holds;
  /// the gap below 1.0 is half as wide as the step before it, and is a segment.
  template <class T> MANGO_HD static number_ints<T> position(T y, number_bits<T> segment, const tables& t = kept()) {
    const T line = product(from_pattern<T>(size_of(y)), T(lookup(t.slopes, segment))) + T(lookup(t.starts, segment));
    const T k = math::min(line, product(line, T(1.0f / 3)) + T(lookup(t.bends, segment)));
    if constexpr (!Signed) return truncate(k);
    else return truncate(from_pattern<T>(to_bits(k) | (to_bits(y) & 0x80000000u))) + (zero << 16);
  }
  /// Which of these lines: zero's, seven decades', and that of the gap below 1.0. To a pattern is added what is missing
  /// to a count of segments in the bits of its exponent; a binade has at most one border.
  template <class T> MANGO_HD static number_bits<T> segment(T y, const tables& t = kept()) {
    const number_bits<T> a = as_bits(at_least(as_ints(Signed ? size_of(y) : to_bits(y)), least));
    return (a + lookup(t.missing, a >> 23)) >> 23;
  }

 private:
  // Magnitudes are counted by k: code - 127 or, unsigned, code + 1. Decade d has k = n ... 2n-1 with n = size(d);
  // d = 1 ... 7 are the decades, 0 is zero and 8 is 1.0.
  static constexpr int nothing = Signed ? 0 : 1;
  static constexpr int top = Signed ? 128 : 256;
  MANGO_HD static constexpr int size(int d) { return 1 << (Signed ? d - 1 : d); }
  MANGO_HD static constexpr double unit(int d) {  // the constant c
    double tens = 1;
    for (int i = d; i < 7; ++i) tens *= 10;
    return d == 8 ? 1.0 / (2 * top + 9) : 1 / (tens * 20 * size(d));
  }
  MANGO_HD static constexpr float level(int d, int k) {
    return static_cast<float>(18 * k - 16 * size(d) + 9) * static_cast<float>(unit(d));
  }
  MANGO_HD static constexpr std::uint32_t pattern_of(float x) { return __builtin_bit_cast(std::uint32_t, x); }

  // By the lower four bits of the exponent of k/256: 7 is k = 1 and 15 is k = 256
  MANGO_HD static constexpr int decade_at(int i) { return i - (Signed ? 6 : 7); }
  MANGO_HD static constexpr bool has_values(int i) { return decade_at(i) >= 1 && decade_at(i) <= 8; }
  MANGO_HD static constexpr float unit_at(int i) {
    return has_values(i) ? static_cast<float>(unit(decade_at(i))) : 0.0f;
  }
  MANGO_HD static constexpr float shift_at(int i) {
    return has_values(i) ? static_cast<float>(9 - 16 * size(decade_at(i))) : 0.0f;
  }

  // By segment: in a decade, and in the gap above it, which is three steps of it wide
  MANGO_HD static constexpr float line_slope(int d) {
    if (d == 0) return static_cast<float>(65536.0 * (size(1) - nothing) / static_cast<double>(level(1, size(1))));
    return d > 8 ? 0.0f : static_cast<float>(65536.0 / (d == 8 ? 9 * unit(7) : 18 * unit(d)));
  }
  MANGO_HD static constexpr float line_start(int d) {
    if (d == 0 || d > 8) return 0.5f;
    if (d < 8) return static_cast<float>(65536.0 * ((16.0 * size(d) - 9) / 18 - nothing) + 0.5);
    return static_cast<float>(65536.0 * (top - nothing - 1 / (9 * unit(7))) + 0.5);
  }
  MANGO_HD static constexpr float bend(int d) {
    if (d == 0 || d > 6) return 0x1p26f;
    return static_cast<float>(65536.0 * (2.0 * size(d) - 1 - nothing) * 2 / 3 + 1.0 / 3);
  }

  // The pattern of the least magnitude in segment d
  MANGO_HD static constexpr std::uint32_t border(int d) {
    return d == 0 ? 0u : pattern_of(d == 8 ? level(7, top - 1) : level(d, size(d)));
  }
  static constexpr std::int32_t least = 96 << 23;  // 2^-31
  // By exponents from that of `least` on, which are places in the table modulo 32
  MANGO_HD static constexpr std::uint32_t missing_at(int i) {
    const std::uint32_t from = (96u + static_cast<std::uint32_t>(i)) << 23, binade = 1u << 23;
    std::uint32_t d = 0;
    while (d < 8 && border(static_cast<int>(d) + 1) <= from) ++d;
    const std::uint32_t next = d < 8 ? border(static_cast<int>(d) + 1) : ~0u;
    return next - from < binade ? (d + 1) * binade - next : d * binade - from;
  }

  // the pattern of |y| or, unsigned, of max(y, 0)
  template <class T> MANGO_HD static number_bits<T> size_of(T y) {
    const number_bits<T> pattern = to_bits(y);
    if constexpr (Signed) return pattern & 0x7fffffffu;
    else return as_bits(at_least(as_ints(pattern), 0));
  }
};

}  // namespace mango
