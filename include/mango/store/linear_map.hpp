#pragma once
// The code tables with equal steps: k/127 and k/7 with sign, k/16 without.
#include "mango/core/integers.hpp"
#include "mango/core/math.hpp"

namespace mango::inline MANGO_ABI {

/// k/L for k = -L ... L, L = 2^(Bits-1) - 1; the code is k in two's complement, so code 0 is 0. The value is the
/// product of k and 1/L rounded, which is k/L within one unit in the last place.
template <int Bits> struct linear_map {
  static_assert(Bits == 8 || Bits == 4, "mango: a linear map has 4 or 8 bits");
  static constexpr const char* name = Bits == 8 ? "linear8" : "linear4";
  static constexpr int bits = Bits, last = (1 << (Bits - 1)) - 1, first = -last, count = 2 * last + 1, zero = 0;
  static constexpr bool nonnegative = false, has_zero = true;

  /// What codes stand for; bits above the lower `bits` are ignored.
  template <class T> MANGO_HD static T value(number_bits<T> code) {
    return product(to_number<T>(as_ints(code << (32 - bits)) >> (32 - bits)), T(unit));
  }
  /// Where y in [-1, 1] is between two codes, as a code with 16 bits of fraction: one line for all.
  template <class T> MANGO_HD static number_ints<T> position(T y) {
    constexpr float end = 65536.0f * last;
    return truncate(product(y, T(end)) + T(end + 0.5f)) - (last << 16);
  }

 private:
  static constexpr float unit = 1.0f / static_cast<float>(last);
};

/// (k + 1)/16 for k = 0 ... 15: nothing it decodes is below a sixteenth of the block's largest, so a denominator made
/// of it cannot vanish. Zero has code 0, and decodes to 0 only where the whole block is 0. Li et al. 2023,
/// arXiv:2309.01507, section 4.1.
struct linear4_unsigned_map {
  static constexpr const char* name = "linear4";
  static constexpr int bits = 4, count = 16, first = 0, last = 15, zero = 0;
  static constexpr bool nonnegative = true, has_zero = false;

  template <class T> MANGO_HD static T value(number_bits<T> code) {
    return product(to_number<T>(as_ints(code & 15u) + 1), T(unit));
  }
  template <class T> MANGO_HD static number_ints<T> position(T y) {
    return truncate(math::max(product(y, T(16 * 65536.0f)), T(65536.0f)) - T(65535.5f));
  }

 private:
  static constexpr float unit = 0.0625f;
};

}  // namespace mango
