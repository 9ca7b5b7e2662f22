#pragma once
// The angle of a point: what a quotient becomes when it may not be large.
#include "mango/core/math.hpp"

namespace mango::inline MANGO_ABI::math {

/// atan2(y, x) for x >= 0: in [-pi/2, pi/2], and 0 at the origin. T is float or packet. Within 2 units in the last
/// place; the same bits for (2^k y, 2^k x) while neither leaves the range of float. A NaN stays one.
template <class T> MANGO_HD T atan2(T y, T x) {
  const T a = abs(y);
  const auto steep = a > x;
  const T high = select(steep, a, x), low = select(steep, x, a);
  const T r = low / select(high != T(0.0f), high, T(1.0f)), z = r * r;  // a NaN is not 0
  // atan(r) / r by its Chebyshev interpolation in r^2 on [0, 1], 1.8e-8 off at most
  T s = T(0.00276628346f);
  s = s * z + T(-0.015731249f);
  s = s * z + T(0.0421376228f);
  s = s * z + T(-0.0745685473f);
  s = s * z + T(0.106183708f);
  s = s * z + T(-0.141977981f);
  s = s * z + T(0.199918717f);
  s = s * z + T(-0.333330363f);
  s = s * z + T(1.0f);
  const T angle = r * s, whole = select(steep, T(1.57079633f) - angle, angle);
  return select(y < T(0.0f), -whole, whole);
}

}  // namespace mango::inline MANGO_ABI::math
