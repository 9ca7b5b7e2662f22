#pragma once
// A packet: as many floats as the machine computes with at once (16, 8 or 4), with the operators of one float. Rules
// are written on a type T and run on packets here, on float in device code. Vector extensions of g++ and clang, and no
// intrinsics header (it alone costs 0.25 s of compile time): so a plain -O2 user gets full-width code, and the loop is
// not left to the auto-vectoriser, which -O2 and math-errno switch off.
#include "mango/core/round.hpp"

namespace mango::inline MANGO_ABI {

#if MANGO_LANES > 1

/// MANGO_LANES floats. Implicitly made from one float (all lanes equal); compares to a mask for `select`.
struct packet {
  static constexpr int lanes = MANGO_LANES;
  typedef float floats __attribute__((vector_size(4 * MANGO_LANES)));
  typedef std::uint32_t bits __attribute__((vector_size(4 * MANGO_LANES)));
  typedef std::int32_t mask __attribute__((vector_size(4 * MANGO_LANES)));

  floats v;

  packet() = default;
  MANGO_INLINE packet(floats x) : v(x) {}
  MANGO_INLINE packet(float x) : v(x - floats{}) {}  // x - 0 is x for every x, -0 included
  MANGO_INLINE float operator[](int lane) const { return v[lane]; }
  MANGO_INLINE void set(int lane, float x) { v[lane] = x; }

  friend MANGO_INLINE packet operator+(packet a, packet b) {
    MANGO_CONTRACT
    return a.v + b.v;
  }
  friend MANGO_INLINE packet operator-(packet a, packet b) {
    MANGO_CONTRACT
    return a.v - b.v;
  }
  friend MANGO_INLINE packet operator*(packet a, packet b) {
    MANGO_CONTRACT
    return a.v * b.v;
  }
  friend MANGO_INLINE packet operator/(packet a, packet b) {
    MANGO_CONTRACT
    return a.v / b.v;
  }
  friend MANGO_INLINE packet operator-(packet a) { return -a.v; }
  friend MANGO_INLINE packet& operator+=(packet& a, packet b) { return a = a + b; }
  friend MANGO_INLINE packet& operator-=(packet& a, packet b) { return a = a - b; }
  friend MANGO_INLINE packet& operator*=(packet& a, packet b) { return a = a * b; }
  friend MANGO_INLINE mask operator<(packet a, packet b) { return a.v < b.v; }
  friend MANGO_INLINE mask operator>(packet a, packet b) { return a.v > b.v; }
  friend MANGO_INLINE mask operator<=(packet a, packet b) { return a.v <= b.v; }
  friend MANGO_INLINE mask operator>=(packet a, packet b) { return a.v >= b.v; }
  friend MANGO_INLINE mask operator!=(packet a, packet b) { return a.v != b.v; }
};

template <> struct detail::floats_of<packet::bits> { using type = packet::floats; };

/// The bit patterns of all lanes, and back.
MANGO_INLINE packet::bits to_bits(packet x) { return __builtin_bit_cast(packet::bits, x.v); }
/// The packet with these bit patterns.
MANGO_INLINE packet from_bits(packet::bits x) { return __builtin_bit_cast(packet::floats, x); }

namespace detail {
typedef float unaligned_floats __attribute__((vector_size(4 * MANGO_LANES), aligned(4), may_alias));
typedef std::uint32_t unaligned_words __attribute__((vector_size(4 * MANGO_LANES), aligned(4), may_alias));
typedef std::uint16_t halves __attribute__((vector_size(2 * MANGO_LANES)));
typedef std::uint16_t unaligned_halves __attribute__((vector_size(2 * MANGO_LANES), aligned(2), may_alias));
}  // namespace detail

/// A packet of bits read from memory as integers: what a finiteness test may look at under -ffast-math.
MANGO_INLINE packet::bits load_bits(const float* x) { return *reinterpret_cast<const detail::unaligned_words*>(x); }
MANGO_INLINE packet::bits load_bits(const std::uint16_t* x) {
  const auto halves = *reinterpret_cast<const detail::unaligned_halves*>(x);  // a reference would promise alignment
#if MANGO_LANES == 16 && !defined(__clang__)  // g++ 12 converts the halves of a packet and joins them
  typedef short shorts __attribute__((vector_size(32)));
  return __builtin_bit_cast(packet::bits,
                            __builtin_ia32_pmovzxwd512_mask(__builtin_bit_cast(shorts, halves), packet::mask{},
                                                            static_cast<unsigned short>(0xffff)));
#elif MANGO_LANES == 8 && defined(__AVX2__) && !defined(__clang__)
  typedef short shorts __attribute__((vector_size(16)));
  return __builtin_bit_cast(packet::bits, __builtin_ia32_pmovzxwd256(__builtin_bit_cast(shorts, halves)));
#else
  return __builtin_convertvector(halves, packet::bits);
#endif
}
template <half E> MANGO_INLINE packet::bits load_bits(const E* x) { return widen_bits<E>(load_bits(&x->bits)); }

/// Reads or writes `packet::lanes` elements from any address that is aligned to one of them.
MANGO_INLINE packet load(const float* x) { return *reinterpret_cast<const detail::unaligned_floats*>(x); }
template <half E> MANGO_INLINE packet load(const E* x) { return from_bits(load_bits(x)); }
MANGO_INLINE void save(float* to, packet x) { *reinterpret_cast<detail::unaligned_floats*>(to) = x.v; }
/// Writes the lower 16 bits of every lane: a rounded number.
template <half E> MANGO_INLINE void save_halves(E* to, packet::bits x) {
#if MANGO_LANES == 4 && defined(__SSE2__) && !defined(__SSE4_1__)
  // SSE2 can only narrow signed numbers: make them such, and narrowing keeps the bits
  const auto low = __builtin_bit_cast(packet::mask, x << 16) >> 16;
  const auto narrow =
      __builtin_bit_cast(std::uint64_t __attribute__((vector_size(16))), __builtin_ia32_packssdw128(low, low));
  const std::uint64_t four = narrow[0];
  __builtin_memcpy(static_cast<void*>(to), &four, sizeof four);
#else
  *reinterpret_cast<detail::unaligned_halves*>(to) = __builtin_convertvector(x, detail::halves);
#endif
}

#else

/// Under nvcc a packet is one float.
struct packet {
  static constexpr int lanes = 1;
  using bits = std::uint32_t;
  using mask = bool;

  float v;

  packet() = default;
  MANGO_HD packet(float x) : v(x) {}
  MANGO_HD float operator[](int) const { return v; }
  MANGO_HD void set(int, float x) { v = x; }

  friend MANGO_HD packet operator+(packet a, packet b) { return a.v + b.v; }
  friend MANGO_HD packet operator-(packet a, packet b) { return a.v - b.v; }
  friend MANGO_HD packet operator*(packet a, packet b) { return a.v * b.v; }
  friend MANGO_HD packet operator/(packet a, packet b) { return a.v / b.v; }
  friend MANGO_HD packet operator-(packet a) { return -a.v; }
  friend MANGO_HD packet& operator+=(packet& a, packet b) { return a = a + b; }
  friend MANGO_HD packet& operator-=(packet& a, packet b) { return a = a - b; }
  friend MANGO_HD packet& operator*=(packet& a, packet b) { return a = a * b; }
  friend MANGO_HD mask operator<(packet a, packet b) { return a.v < b.v; }
  friend MANGO_HD mask operator>(packet a, packet b) { return a.v > b.v; }
  friend MANGO_HD mask operator<=(packet a, packet b) { return a.v <= b.v; }
  friend MANGO_HD mask operator>=(packet a, packet b) { return a.v >= b.v; }
  friend MANGO_HD mask operator!=(packet a, packet b) { return a.v != b.v; }
};

/// The bit pattern of the lane.
MANGO_HD packet::bits to_bits(packet x) { return __builtin_bit_cast(std::uint32_t, x.v); }
MANGO_HD packet::bits load_bits(const float* x) { return __builtin_bit_cast(std::uint32_t, *x); }
MANGO_HD packet::bits load_bits(const std::uint16_t* x) { return *x; }
template <half E> MANGO_HD packet::bits load_bits(const E* x) { return widen_bits<E>(packet::bits{x->bits}); }
MANGO_HD packet load(const float* x) { return *x; }
template <half E> MANGO_HD packet load(const E* x) { return to_float(*x); }
MANGO_HD void save(float* to, packet x) { *to = x.v; }
template <half E> MANGO_HD void save_halves(E* to, packet::bits x) { to->bits = static_cast<std::uint16_t>(x); }

#endif

}  // namespace mango
