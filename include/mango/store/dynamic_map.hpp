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
    if constexpr (Signed) {
      const number_ints<T> k = as_ints(code & 255u) - 127, sign = k >> 31;
      return from_pattern<T>(to_bits(magnitude<T>((k ^ sign) - sign)) | (as_bits(sign) & 0x80000000u));
    } else {
      return magnitude<T>(as_ints(code & 255u) + 1);
    }
  }

  /// The nearest codes, of two at one distance the lower. y is in [-1, 1], up to its rounding; what is negative is 0
  /// to the unsigned table.
  template <class T> MANGO_HD static number_bits<T> nearest(T y) {
    if constexpr (Signed) {
      const number_bits<T> pattern = to_bits(y);
      const number_ints<T> sign = as_ints(pattern) >> 31;
      // below zero the lower of two codes is the larger magnitude: the next float up wins the tie for it
      const T a = from_pattern<T>((pattern & 0x7fffffffu) + (pattern >> 31));
      const number_ints<T> code = (nearest_magnitude(a) ^ sign) - sign + 127;
      return as_bits(code < 0 ? code + 1 : code);  // there is no -1
    } else {
      return as_bits(nearest_magnitude(y) - 1);
    }
  }

 private:
  // Magnitudes are counted by k: code - 127 or, unsigned, code + 1. Decade d has k = n ... 2n-1 with n = 2^exponent(d);
  // d = 1 ... 7 are the decades, 0 is zero and 8 is 1.0.
  static constexpr int nothing = Signed ? 0 : 1, top = Signed ? 128 : 256;
  static constexpr int size(int d) { return 1 << (Signed ? d - 1 : d); }
  static constexpr double decade(int d) {
    double x = 1;
    for (; d < 7; ++d) x /= 10;
    return x;
  }
  static constexpr double unit(int d) {  // the constant c
    double tens = 1;
    for (int i = d; i < 7; ++i) tens *= 10;
    return d == 8 ? 1.0 / (2 * top + 9) : 1 / (tens * 20 * size(d));
  }
  static constexpr float level(int d, int k) {
    return static_cast<float>(18 * k - 16 * size(d) + 9) * static_cast<float>(unit(d));
  }
  // the midpoint between decade d and the next
  static constexpr float border(int d) {
    const float below = d == 0 ? 0.0f : level(d, 2 * size(d) - 1);
    const float above = d == 7 ? 1.0f : level(d + 1, size(d + 1));
    return (below + above) * 0.5f;
  }
  // a table by d mod 8 of F(d) for the decades, and of one entry that serves zero and 1.0
  template <class F> static constexpr float_table<8> by_decade(float ends, F f) {
    return {ends, f(1), f(2), f(3), f(4), f(5), f(6), f(7)};
  }

  template <class T> MANGO_HD static T magnitude(number_ints<T> k) {
    // by exponent(k) - 1 mod 8; in the signed table decade 1 has exponent 0, in the unsigned one 1.0 has exponent 8
    static constexpr float_table<8> units =
        Signed ? float_table<8>{float(unit(2)), float(unit(3)), float(unit(4)), float(unit(5)),
                                float(unit(6)), float(unit(7)), float(unit(8)), float(unit(1))}
               : float_table<8>{float(unit(1)), float(unit(2)), float(unit(3)), float(unit(4)),
                                float(unit(5)), float(unit(6)), float(unit(7)), float(unit(8))};
    const T number = to_number<T>(k);
    const number_bits<T> pattern = to_bits(number);
    const T n = from_pattern<T>(pattern & exponent_bits);  // the power of two below k
    const T x = product(number * T(18.0f) + (T(9.0f) - n * T(16.0f)), T(lookup(units, pattern >> 23)));
    return math::select(k == nothing, T(0.0f), x);
  }

  template <class T> MANGO_HD static number_ints<T> nearest_magnitude(T y) {
    static constexpr float_table<8> borders{border(0), border(1), border(2), border(3),
                                            border(4), border(5), border(6), border(7)};
    static constexpr auto units = by_decade(1.0f, [](int d) { return float(unit(d)); });
    static constexpr auto shifts = by_decade(9.0f, [](int d) { return float(9 - 16 * size(d)); });
    static constexpr auto slopes =
        by_decade(float(top) + (Signed ? 0.5f : -0.5f), [](int d) { return float(1 / (18 * unit(d))); });
    static constexpr auto starts =
        by_decade(Signed ? 0.3f : 1.0f, [](int d) { return float(8 * size(d)) / 9.0f - 0x1p-9f; });
    static constexpr auto ends = by_decade(float(top), [](int d) { return float(2 * size(d) - 1); });
    // Which decade: five sixteenths of the exponent, about log10, and a comparison with the border above
    const T a = math::max(y, T(0x1p-25f));
    const number_bits<T> above = to_bits(a) - 0x33000000u;
    const number_bits<T> guess = (above * 4u + above) >> 27;
    const number_bits<T> d = a > T(lookup(borders, guess)) ? guess + 1u : guess;
    // Which value of it: k or k - 1, and a comparison with the midpoint above
    const T end = T(lookup(ends, d));
    const number_ints<T> k = truncate(math::min(a * T(lookup(slopes, d)) + T(lookup(starts, d)), end));
    const T c = T(lookup(units, d)), x = to_number<T>(k) * T(18.0f) + T(lookup(shifts, d));
    const T midpoint = (product(x, c) + product(x + T(18.0f), c)) * T(0.5f);
    const number_ints<T> next = k + 1, limit = truncate(end);
    const number_ints<T> nearer = a > midpoint ? next : k;
    return nearer < limit ? nearer : limit;
  }
};

}  // namespace mango
