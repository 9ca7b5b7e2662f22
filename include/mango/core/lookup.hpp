#pragma once
// A small table of floats, read at a different place by every lane: one permute where the machine has it (AVX2 for 8
// entries, AVX-512 for 16 and 32), two and a blend where it has half of it, and lane by lane elsewhere.
#include "mango/core/integers.hpp"

namespace mango::inline MANGO_ABI {

/// N floats: 8, 16 or 32. Eight are kept twice, so that a 16-lane permute finds them.
template <std::size_t N> struct float_table {
  static_assert(N == 8 || N == 16 || N == 32, "mango: a lookup table has 8, 16 or 32 entries");
  static constexpr std::size_t kept = N < 16 ? 16 : N;
  alignas(64) float v[kept];

  template <class... F>
  requires(sizeof...(F) == N) MANGO_HD constexpr float_table(F... entries) : v{entries...} { repeat(); }

 private:
  MANGO_HD constexpr void repeat() {
    for (std::size_t i = N; i < kept; ++i) v[i] = v[i - N];
  }
};

/// Entry i mod N of the table.
template <std::size_t N> MANGO_HD float lookup(const float_table<N>& t, std::uint32_t i) { return t.v[i % N]; }

#if MANGO_LANES > 1
namespace detail {
#if MANGO_LANES == 16 || (MANGO_LANES == 8 && defined(__AVX2__))
// entry i mod lanes of a table that fills one packet
MANGO_INLINE packet permute(packet t, packet::bits i) {
#if !defined(__clang__)
  return packet(__builtin_shuffle(t.v, as_ints(i)));
#elif MANGO_LANES == 16
  return packet(__builtin_ia32_permvarsf512(t.v, as_ints(i)));
#else
  return packet(__builtin_ia32_permvarsf256(t.v, as_ints(i)));
#endif
}
MANGO_INLINE packet blend(packet::bits i, std::uint32_t bit, packet zero, packet one) {
  return packet((i & bit) == 0u ? zero.v : one.v);
}
#else
// from registers into registers: through memory, one packet would be read back from four writes
template <std::size_t N, std::size_t... Lane>
MANGO_INLINE packet lane_by_lane(const float_table<N>& t, packet::bits i, std::index_sequence<Lane...>) {
  return packet(packet::floats{t.v[i[Lane] % N]...});
}
#endif
}  // namespace detail

/// The same for every lane.
template <std::size_t N> MANGO_INLINE packet lookup(const float_table<N>& t, packet::bits i) {
#if MANGO_LANES == 16
  const packet low = load(t.v);
  if constexpr (N <= 16) return detail::permute(low, i);
  else {
    const packet high = load(t.v + 16);
#if defined(__clang__)
    return packet(__builtin_ia32_vpermi2varps512(low.v, as_ints(i), high.v));
#else
    return packet(__builtin_shuffle(low.v, high.v, as_ints(i)));
#endif
  }
#elif MANGO_LANES == 8 && defined(__AVX2__)
  const packet first = detail::permute(load(t.v), i);
  if constexpr (N == 8) return first;
  else {
    const packet low = detail::blend(i, 8u, first, detail::permute(load(t.v + 8), i));
    if constexpr (N == 16) return low;
    else {
      const packet third = detail::permute(load(t.v + 16), i), fourth = detail::permute(load(t.v + 24), i);
      return detail::blend(i, 16u, low, detail::blend(i, 8u, third, fourth));
    }
  }
#else
  return detail::lane_by_lane(t, i, std::make_index_sequence<MANGO_LANES>{});
#endif
}
#endif

}  // namespace mango
