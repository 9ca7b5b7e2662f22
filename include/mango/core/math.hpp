#pragma once
// The functions a rule may call on its T, which is float or packet: sqrt, abs, min, max, sign, select. A NaN in
// the first argument of min, max and sign stays.
#include "mango/core/packet.hpp"

namespace mango::inline MANGO_ABI::math {

MANGO_HD float sqrt(float x) { return __builtin_sqrtf(x); }
MANGO_HD float abs(float x) { return __builtin_fabsf(x); }
MANGO_HD float min(float a, float b) { return b < a ? b : a; }
MANGO_HD float max(float a, float b) { return b > a ? b : a; }
/// -1 or 1; zeros stay what they are.
MANGO_HD float sign(float x) { return x > 0 ? 1.0f : x < 0 ? -1.0f : x; }
MANGO_HD float select(bool c, float a, float b) { return c ? a : b; }

#if MANGO_LANES > 1
/// Correctly rounded, one instruction where the machine has it (x86). Elsewhere lane by lane.
MANGO_INLINE packet sqrt(packet x) {
#if MANGO_LANES == 16 && defined(__clang__)
  return packet(__builtin_ia32_sqrtps512(x.v, 4));  // 4: round as the current mode says
#elif MANGO_LANES == 16
  return packet(__builtin_ia32_sqrtps512_mask(x.v, x.v, -1, 4));
#elif MANGO_LANES == 8
  return packet(__builtin_ia32_sqrtps256(x.v));
#elif defined(__SSE2__)
  return packet(__builtin_ia32_sqrtps(x.v));
#else
  for (int i = 0; i < packet::lanes; ++i) x.v[i] = __builtin_sqrtf(x.v[i]);
  return x;
#endif
}
MANGO_INLINE packet abs(packet x) { return from_bits(to_bits(x) & 0x7fffffffu); }
MANGO_INLINE packet min(packet a, packet b) { return packet(b.v < a.v ? b.v : a.v); }
MANGO_INLINE packet max(packet a, packet b) { return packet(b.v > a.v ? b.v : a.v); }
MANGO_INLINE packet select(packet::mask c, packet a, packet b) { return packet(c ? a.v : b.v); }
MANGO_INLINE packet sign(packet x) { return select(x > 0.0f, 1.0f, select(x < 0.0f, -1.0f, x)); }
#else
MANGO_HD packet sqrt(packet x) { return sqrt(x.v); }
MANGO_HD packet abs(packet x) { return abs(x.v); }
MANGO_HD packet min(packet a, packet b) { return min(a.v, b.v); }
MANGO_HD packet max(packet a, packet b) { return max(a.v, b.v); }
MANGO_HD packet sign(packet x) { return sign(x.v); }
MANGO_HD packet select(bool c, packet a, packet b) { return c ? a : b; }
#endif

}  // namespace mango
