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

  /// What codes stand for, as shares of the block's largest magnitude.
  template <class T> MANGO_HD static T value(number_bits<T> code) {
    const T number = to_number<T>(as_ints(code) + (Signed ? -127 : 1));
    if constexpr (!Signed) return magnitude(number);
    else {
      const number_bits<T> pattern = to_bits(number);
      return from_pattern<T>(to_bits(magnitude(from_pattern<T>(pattern & 0x7fffffffu))) | (pattern & 0x80000000u));
    }
  }

  /// What place() and code() take for y in [-1, 1], up to its rounding. Below zero the lower of two codes is the larger
  /// magnitude: the next float up wins the tie for it.
  template <class T> MANGO_HD static T prepare(T y) {
    const number_bits<T> pattern = to_bits(y);
    if constexpr (!Signed) return from_pattern<T>(as_ints(pattern) > 0 ? pattern : number_bits<T>{});
    else {
      const number_bits<T> most = number_bits<T>{} + pattern_of(-level(7, top - 1));  // there is no -1
      const number_bits<T> kept = pattern > most ? most : pattern;
      return from_pattern<T>(kept + (kept >> 31));
    }
  }
  /// Where y in [-1, 1] is between two codes, as a code with 16 bits of fraction: linear from each value to the next.
  /// From a decade to the gap above it to the next decade the line gets less steep, so the lower of two lines holds.
  template <class T> MANGO_HD static number_ints<T> position(T y, number_bits<T> segment) {
    static constexpr float_table<8> slopes = by_decade(column::line_slope), starts = by_decade(column::line_start),
                                    bends = by_decade(column::bend);
    constexpr float most = 65536.0f * (top - 1 - nothing) + 0.5f;  // where the gap below 1.0 begins, half as wide
    const T line = product(from_pattern<T>(size_of(y)), T(lookup(slopes, segment))) + T(lookup(starts, segment));
    const T lower = math::min(line, product(line, T(1.0f / 3)) + T(lookup(bends, segment)));
    const number_ints<T> k = truncate(math::max(lower, lower + (lower - T(most))));
    if constexpr (!Signed) return k;
    else {
      const number_ints<T> sign = as_ints(to_bits(y)) >> 31;
      return (k ^ sign) - sign + (zero << 16);
    }
  }
  /// Which of these lines: its decade.
  template <class T> MANGO_HD static number_bits<T> segment(T y) {
    static constexpr float_table<8> firsts = by_decade(column::first);
    return decade<T>(size_of(y), pattern_of(0x1p-24f), firsts);
  }
  /// Where the nearest codes are: their decades. Apart from code() because a loop over packets runs ahead further when
  /// it is two short ones.
  template <class T> MANGO_HD static number_bits<T> place(T y) {
    static constexpr float_table<8> borders = by_decade(column::border);
    return decade<T>(to_bits(y) & 0x7fffffffu, pattern_of(0x1p-25f), borders);  // 0 is nearest to 2^-25
  }
  /// The nearest codes, of two at one distance the lower.
  template <class T> MANGO_HD static number_bits<T> code(T y, number_bits<T> place) {
    const number_ints<T> k = nearest<T>(to_bits(y) & 0x7fffffffu, place);
    if constexpr (!Signed) return as_bits(k - 1);
    else {
      const number_ints<T> sign = as_ints(to_bits(y)) >> 31;
      return as_bits((k ^ sign) + (127 - sign));
    }
  }

 private:
  // Magnitudes are counted by k: code - 127 or, unsigned, code + 1. Decade d has k = n ... 2n-1 with n = 2^exponent(d);
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
  // the midpoint between decade d and the next
  MANGO_HD static constexpr float border(int d) {
    const float below = d == 0 ? 0.0f : level(d, 2 * size(d) - 1);
    const float above = d == 7 ? 1.0f : level(d + 1, size(d + 1));
    return (below + above) * 0.5f;
  }
  // What a decade has one of; entry 0 serves zero and 1.0 at once. slope * magnitude + start, cut off, is k or k - 1
  enum class column { border, end, slope, start, half_unit, shift, first, line_slope, line_start, bend };
  MANGO_HD static constexpr float entry(column c, int d) {
    switch (c) {
      case column::border: return border(d);
      case column::end: return d == 0 ? 1.0f : level(d, 2 * size(d) - 1);
      case column::slope:
        return d == 0 ? static_cast<float>(top) + (Signed ? 0.5f : -0.5f) : static_cast<float>(1 / (18 * unit(d)));
      case column::start: return d == 0 ? (Signed ? 0.3f : 1.0f) : static_cast<float>(8 * size(d)) / 9.0f - 0x1p-9f;
      case column::half_unit: return d == 0 ? 1.0f : static_cast<float>(unit(d)) * 0.5f;
      case column::shift: return d == 0 ? 9.0f : static_cast<float>(9 - 16 * size(d));
      case column::first: return d == 7 ? 2.0f : level(d + 1, size(d + 1));
      case column::line_slope: return static_cast<float>(65536.0 / (d == 0 ? first_value() : 18 * unit(d)));
      case column::line_start: return d == 0 ? 0.5f : static_cast<float>(65536.0 * line_start(d) + 0.5);
      default: return d == 0 || d == 7 ? 0x1p26f : static_cast<float>(65536.0 * last_of(d) * 2 / 3 + 1.0 / 3);
    }
  }
  // of the lines that position() follows: in a decade, and in the gap above it, which is three steps of it wide
  MANGO_HD static constexpr double first_value() {
    return static_cast<double>(level(1, size(1))) / (size(1) - nothing);
  }
  MANGO_HD static constexpr double line_start(int d) { return (16.0 * size(d) - 9) / 18 - nothing; }
  MANGO_HD static constexpr double last_of(int d) { return 2.0 * size(d) - 1 - nothing; }
  MANGO_HD static constexpr float_table<8> by_decade(column c) {
    return {entry(c, 0), entry(c, 1), entry(c, 2), entry(c, 3), entry(c, 4), entry(c, 5), entry(c, 6), entry(c, 7)};
  }
  // units by exponent(k) - 1 mod 8: in the signed table decade 1 has exponent 0, in the unsigned one 1.0 has exponent 8
  MANGO_HD static constexpr float unit_at(int i) { return static_cast<float>(unit(i % 8 + 1)); }
  MANGO_HD static constexpr float_table<8> by_exponent() {
    constexpr int from = Signed ? 1 : 0;
    return {unit_at(from),     unit_at(from + 1), unit_at(from + 2), unit_at(from + 3),
            unit_at(from + 4), unit_at(from + 5), unit_at(from + 6), unit_at(from + 7)};
  }
  MANGO_HD static constexpr std::uint32_t pattern_of(float x) { return __builtin_bit_cast(std::uint32_t, x); }

  // the pattern of |y| or, unsigned, of max(y, 0)
  template <class T> MANGO_HD static number_bits<T> size_of(T y) {
    const number_bits<T> pattern = to_bits(y);
    if constexpr (Signed) return pattern & 0x7fffffffu;
    else {
      const number_ints<T> x = as_ints(pattern), none{};
      return as_bits(x > none ? x : none);
    }
  }
  // Which decade a magnitude is in, from `borders` between them: five sixteenths of the exponent above `least`, which
  // is about log10, and a comparison with the border above
  template <class T>
  MANGO_HD static number_bits<T> decade(number_bits<T> magnitude, std::uint32_t least, const float_table<8>& borders) {
    const number_bits<T> bottom = number_bits<T>{} + least;
    const number_bits<T> above = (magnitude > bottom ? magnitude : bottom) - bottom, guess = (above * 4u + above) >> 27;
    return from_pattern<T>(magnitude) > T(lookup(borders, guess)) ? guess + 1u : guess;
  }

  // value number k of the positive ones
  template <class T> MANGO_HD static T magnitude(T k) {
    static constexpr float_table<8> units = by_exponent();
    const number_bits<T> pattern = to_bits(k);
    const T n = from_pattern<T>(pattern & exponent_bits);  // the power of two below k
    const T x = product(k * T(18.0f) + (T(9.0f) - n * T(16.0f)), T(lookup(units, pattern >> 23)));
    return math::select(k > T(static_cast<float>(nothing)), x, T(0.0f));
  }

  // The k nearest to magnitude a in decade d: k or k - 1, and a comparison with the midpoint above. Past a decade's
  // last value there is none
  template <class T> MANGO_HD static number_ints<T> nearest(number_bits<T> magnitude, number_bits<T> d) {
    static constexpr float_table<8> ends = by_decade(column::end), slopes = by_decade(column::slope),
                                    starts = by_decade(column::start), halves = by_decade(column::half_unit),
                                    shifts = by_decade(column::shift);
    const number_bits<T> end = to_bits(T(lookup(ends, d)));
    const T a = from_pattern<T>(magnitude > end ? end : magnitude);
    const number_ints<T> k = truncate(a * T(lookup(slopes, d)) + T(lookup(starts, d)));
    const T x = to_number<T>(k) * T(18.0f) + T(lookup(shifts, d)), c = T(lookup(halves, d));
    return a > product(x, c) + product(x + T(18.0f), c) ? k + 1 : k;
  }
};

}  // namespace mango
