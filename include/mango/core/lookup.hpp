#pragma once
// A small table, read at a different place by every lane: one permute where the machine has it (AVX2 for 8
// entries, AVX-512 for 16 and 32), two and a blend where it has half of it, and lane by lane elsewhere.
#include "mango/core/integers.hpp"

namespace mango::inline MANGO_ABI {

/// N numbers of 32 bits: 8, 16 or 32. Eight are kept twice, so that a 16-lane permute finds them.
template <class Entry, std::size_t N> struct table {
  static_assert(N == 8 || N == 16 || N == 32, "mango: a lookup table has 8, 16 or 32 entries");
  static constexpr std::size_t kept = N < 16 ? 16 : N;
  alignas(64) Entry v[kept];

  template <class... E>
  requires(sizeof...(E) == N) MANGO_HD constexpr table(E... entries) : v{entries...} { repeat(); }

 private:
  MANGO_HD constexpr void repeat() {
    for (std::size_t i = N; i < kept; ++i) v[i] = v[i - N];
  }
};

template <std::size_t N> using float_table = table<float, N>;
template <std::size_t N> using word_table = table<std::uint32_t, N>;

/// The table of f(0) ... f(N - 1).
template <class Entry, std::size_t N, class F> MANGO_HD constexpr table<Entry, N> tabulate(F f) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) { return table<Entry, N>{f(static_cast<int>(I))...}; }
  (std::make_index_sequence<N>{});
}

/// Entry i mod N of the table.
template <class Entry, std::size_t N> MANGO_HD Entry lookup(const table<Entry, N>& t, std::uint32_t i) {
  return t.v[i % N];
}

#if MANGO_LANES > 1
namespace detail {
#if MANGO_LANES == 16 || (MANGO_LANES == 8 && defined(__AVX2__))
template <class Entry> MANGO_INLINE packet load_entries(const Entry* t) {
  return *reinterpret_cast<const unaligned_floats*>(t);
}
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
template <class Entry, std::size_t N, std::size_t... Lane>
MANGO_INLINE packet::bits lane_by_lane(const table<Entry, N>& t, packet::bits i, std::index_sequence<Lane...>) {
  return packet::bits{__builtin_bit_cast(std::uint32_t, t.v[i[Lane] % N])...};
}
#endif

template <class Entry, std::size_t N> MANGO_INLINE packet entries(const table<Entry, N>& t, packet::bits i) {
#if MANGO_LANES == 16
  const packet low = load_entries(t.v);
  if constexpr (N <= 16) return permute(low, i);
  else {
    const packet high = load_entries(t.v + 16);
#if defined(__clang__)
    return packet(__builtin_ia32_vpermi2varps512(low.v, as_ints(i), high.v));
#else
    return packet(__builtin_shuffle(low.v, high.v, as_ints(i)));
#endif
  }
#elif MANGO_LANES == 8 && defined(__AVX2__)
  const packet first = permute(load_entries(t.v), i);
  if constexpr (N == 8) return first;
  else {
    const packet low = blend(i, 8u, first, permute(load_entries(t.v + 8), i));
    if constexpr (N == 16) return low;
    else {
      const packet third = permute(load_entries(t.v + 16), i), fourth = permute(load_entries(t.v + 24), i);
      return blend(i, 16u, low, blend(i, 8u, third, fourth));
    }
  }
#else
  return from_bits(lane_by_lane(t, i, std::make_index_sequence<MANGO_LANES>{}));
#endif
}
}  // namespace detail

/// The same for every lane.
template <std::size_t N> MANGO_INLINE packet lookup(const float_table<N>& t, packet::bits i) {
  return detail::entries(t, i);
}
template <std::size_t N> MANGO_INLINE packet::bits lookup(const word_table<N>& t, packet::bits i) {
  return to_bits(detail::entries(t, i));
}
#endif

}  // namespace mango
