#pragma once
// A slot in blocks: a few bits per number, and one scale per block of them.
#include "mango/core/half.hpp"
#include "mango/core/math.hpp"
#include "mango/store/block_scan.hpp"
#include "mango/store/code_bytes.hpp"
#include "mango/store/nearest.hpp"
#include "mango/store/store.hpp"

namespace mango::inline MANGO_ABI {

/// Codes of `Map` for x / a, where a is the largest magnitude in a block of `Block` numbers; a is kept in
/// `Scale`, float or float16, the latter rounded up.
///   write  y = x (1/a); the code nearest to y, at one distance the lower; if `stochastic`, of the two codes around y
///          the upper one with probability (y - lower) / gap, in steps of 2^-16
///   read   Map::value(code) a
/// A block whose largest magnitude is below the smallest normal float has scale 0 and reads as +0. NaN and infinity
/// count as 0: they neither move the scale nor are stored; over float16 scales so do numbers above 65504. In a
/// nonnegative map that has a zero, `stochastic` stores a number above zero as at least the smallest positive value: a
/// denominator made of it is too large rather than 0.
/// Two codes of four bits share a byte, the first in its upper half; an odd tail leaves the code of zero in the other.
/// Dettmers et al. 2022, arXiv:2110.02861, section 2.1.
/// Differs: that floor, and zero blocks: published kernels divide 0 by 0, or decode them to what was not there.
///
/// The families (nf4, dynamic8, linear8, linear4) say which blocks there are. A map has value(code), finds the nearest
/// code in three steps, y = prepare(y), p = place(y), code(y, p), and says with position(y) where y is between two
/// codes: a code with 16 bits of fraction, linear from one to the next. A random number below 2^16 is added to it and
/// the fraction is cut off: that is the stochastic rounding.
template <class Map, int Block, rounding Rounding, class Scale = float> struct blockwise {
  static_assert(Rounding != rounding::kahan,
                "mango: codes are rounded to nearest or stochastically; there is no compensation beside them");

  static_assert(std::same_as<Scale, float> || std::same_as<Scale, float16>, "mango: a scale is float or float16");
  static_assert(std::same_as<Scale, float> || Map::bits == 4,
                "mango: float16 scales are for codes of 4 bits: beside 8 they save nothing");
  static_assert(std::same_as<Scale, float> || !Map::nonnegative,
                "mango: a second moment is below what a float16 scale can hold: give this slot float scales");

  using map = Map;
  using scale_type = Scale;
  static constexpr const char* name = Map::name;
  static constexpr int block = Block;
  static constexpr double bits = Map::bits + 8.0 * sizeof(Scale) / Block;
  static constexpr auto fill = static_cast<std::uint8_t>(Map::bits == 4 ? (Map::zero & 15) * 0x11 : Map::zero & 255);
  static constexpr std::array parts{part{"codes", dtype::u8, fill}, part{"scales", dtype_of<Scale>}};
  static constexpr bool rounds = Rounding == rounding::stochastic;
  static index_t elements(int k, const shape& s) { return k == 0 ? code_bytes(s.elements()) : scales(s.elements()); }
  /// Bytes of the codes of n numbers, and how many scales they have.
  MANGO_HD static constexpr index_t code_bytes(index_t n) { return Map::bits == 4 ? n / 2 + n % 2 : n; }
  MANGO_HD static constexpr index_t scales(index_t n) { return n / Block + (n % Block != 0); }

  struct view {
    std::uint8_t* codes;
    Scale* scales;
  };
  static view bind(std::byte* const* at) {
    return {reinterpret_cast<std::uint8_t*>(at[0]), reinterpret_cast<Scale*>(at[1])};
  }

  /// Reads one block: member r of the team gets the N T from begin + r * N * lanes on. The block has `count` elements;
  /// what lies past them reads as +0.
  template <class Team, class T, std::size_t N>
  MANGO_HD static void load(const Team& team, view s, index_t begin, int count, T (&x)[N]) {
    constexpr int own = share<T, N>();
    const int here = count - team.rank() * own;
    const std::uint8_t* from = s.codes + (begin + team.rank() * own) * Map::bits / 8;
    const T scale(to_float(s.scales[begin / Block]));
    if constexpr (lanes_per<T> == 1) {
      std::uint32_t codes[N];
      detail::read_codes<Map::bits>(from, here, codes);
      for (std::size_t k = 0; k < N; ++k) x[k] = decode(codes[k], scale);
      if (here < own)
        for (std::size_t k = 0; k < N; ++k) x[k] = static_cast<int>(k) < here ? x[k] : T(0.0f);
    } else {
      detail::code_tail<Map::bits * own / 8> tail;
      if (here < own) from = tail.read(from, here * Map::bits, fill);
      for (std::size_t k = 0; k < N; ++k) x[k] = decode(detail::load_codes<Map::bits>(from, k), scale);
      if (here < own)
        for (int i = here > 0 ? here : 0; i < own; ++i) x[i / lanes_per<T>].set(i % lanes_per<T>, 0.0f);
    }
  }

  /// Writes one block, shared as in load(). `noise` holds 16 random bits for each of this member's numbers, and may be
  /// null unless `rounds`. Returns how many of this member's numbers are NaN or infinite.
  template <class Team, class T, std::size_t N>
  MANGO_HD static int save(const Team& team, view s, index_t begin, int count, const T (&x)[N],
                           const std::uint16_t* noise) {
    constexpr int own = share<T, N>();
    const int here = count - team.rank() * own;
    std::uint8_t* const to = s.codes + (begin + team.rank() * own) * Map::bits / 8;
    Scale* const scale = s.scales + begin / Block;
    if constexpr (lanes_per<T> == 1) return save_each<N, T>(team, scale, to, here, x, noise);
    else return save_floats<own>(team, scale, to, here, reinterpret_cast<const float*>(x), noise);
  }

  /// The value of a code, times its block's scale.
  template <class T> MANGO_HD static T decode(number_bits<T> code, T scale) {
    return product(Map::template value<T>(code), scale);
  }

  /// save() from memory: `Own` numbers, of which `here` exist.
  template <int Own, class Team>
  MANGO_INLINE static int save_floats(const Team& team, Scale* scale, std::uint8_t* to, int here, const float* x,
                                      const std::uint16_t* noise) {
#if MANGO_LANES > 1
    constexpr auto packets = static_cast<std::size_t>(Own / packet::lanes);
    detail::magnitudes seen{too_large, 0};
    if (here >= Own) seen.largest = detail::largest_pattern<packets>(x);
    alignas(64) float kept[std::size_t{Own}];
    if (seen.largest >= too_large) {
      seen = detail::keep_finite(x, here, Own, too_large, kept);
      x = kept;
    }
    const scaling by = save_scale(team, scale, seen.largest);
    detail::code_tail<Map::bits * Own / 8> tail;
    std::uint8_t* const at = here < Own ? tail.bytes : to;
    encode_run<packets>(x, by, noise, at);
    if (here < Own) tail.write(to, here * Map::bits);
    return seen.nonfinite;
#else
    return save_each<std::size_t{Own}, float>(team, scale, to, here, x, noise);
#endif
  }

  /// The same for `Blocks` whole blocks that follow each other. False, and nothing written, if any number is NaN or
  /// infinite. Scales are all found first: one block's would keep the codes waiting. `Ahead`, if not 0, says how many
  /// numbers ahead memory is fetched: encoding reads nothing new, so the machine's own prefetcher pauses.
  template <std::size_t Blocks, index_t Ahead = 0>
  MANGO_INLINE static bool save_blocks([[maybe_unused]] Scale* scale, [[maybe_unused]] std::uint8_t* to,
                                       [[maybe_unused]] const float* x, [[maybe_unused]] const std::uint16_t* noise) {
#if MANGO_LANES > 1
    constexpr auto packets = static_cast<std::size_t>(Block / packet::lanes);
    std::int32_t patterns[Blocks], largest = 0;
    for (std::size_t b = 0; b < Blocks; ++b) {
      patterns[b] = detail::largest_pattern<packets>(x + b * Block);
      largest = patterns[b] > largest ? patterns[b] : largest;
    }
    if (largest >= too_large) return false;
    scaling by[Blocks];
    for (std::size_t b = 0; b < Blocks; ++b) {
      by[b] = scaling_of(patterns[b]);
      scale[b] = by[b].kept;
    }
    for (std::size_t b = 0; b < Blocks; ++b) {
      if constexpr (Ahead > 0)
        for (std::size_t k = 0; k < packets; ++k)
          __builtin_prefetch(x + b * Block + Ahead + static_cast<index_t>(k) * packet::lanes);
      encode_run<packets>(x + b * Block, by[b], rounds ? noise + b * Block : noise,
                          to + code_bytes(static_cast<index_t>(b) * Block));
    }
    return true;
#else
    return false;
#endif
  }

 private:
  template <class T, std::size_t N> MANGO_HD static constexpr int share() {
    constexpr int own = static_cast<int>(N) * lanes_per<T>;
    static_assert(own * Map::bits % 8 == 0, "mango: a member of a team holds whole bytes of a block's codes");
    return own;
  }

  // the least pattern of a magnitude that no scale can hold
  static constexpr std::int32_t too_large =
      std::same_as<Scale, float> ? detail::infinite_pattern : __builtin_bit_cast(std::int32_t, largest_half) + 1;

  struct scaling {
    Scale kept;
    float inverse;
    float floor;  // a nonnegative number above it does not become 0
  };
  MANGO_HD static scaling scaling_of(std::int32_t pattern) {
    const float a = __builtin_bit_cast(float, pattern);
    const bool vanishes = pattern < 0x00800000;  // below the smallest normal float
    if (vanishes) return {Scale{}, 0.0f, a};
    Scale kept;
    if constexpr (std::same_as<Scale, float>) kept = a;
    else kept = round_up(a);
    return {kept, 1.0f / to_float(kept), 0.0f};
  }
  template <class Team> MANGO_HD static scaling save_scale(const Team& team, Scale* scale, std::int32_t pattern) {
    const float a = team.max(__builtin_bit_cast(float, pattern));
    const scaling by = scaling_of(__builtin_bit_cast(std::int32_t, a));
    if (team.rank() == 0) *scale = by.kept;
    return by;
  }

  template <std::size_t N, class T, class Team>
  MANGO_HD static int save_each(const Team& team, Scale* scale, std::uint8_t* to, int here, const T* x,
                                [[maybe_unused]] const std::uint16_t* noise) {
    T kept[N];
    detail::magnitudes seen{0, 0};
    if (here >= static_cast<int>(N))
      for (std::size_t k = 0; k < N; ++k) {
        kept[k] = x[k];
        const auto pattern = static_cast<std::int32_t>(to_bits(x[k]) & 0x7fffffffu);
        seen.largest = pattern > seen.largest ? pattern : seen.largest;
      }
    if (here < static_cast<int>(N) || seen.largest >= too_large)
      seen = detail::keep_finite<N>(x, here, too_large, kept);
    const scaling by = save_scale(team, scale, seen.largest);
    std::uint32_t codes[N];
    bool doubtful = false;
    for (std::size_t k = 0; k < N; ++k) codes[k] = encode(kept[k], by, rounds ? noise[k] : 0u, doubtful);
    if (doubtful) [[unlikely]]
      for (std::size_t k = 0; k < N; ++k) codes[k] = detail::nearest_code<Map>(product(kept[k], T(by.inverse)));
    detail::write_codes<Map::bits>(to, here, codes);
    return seen.nonfinite;
  }

  static constexpr bool by_position = !requires(float y) { Map::place(y); };
#if MANGO_LANES > 1
  static constexpr bool has_segments = requires(packet y) { Map::segment(y); };

  // The codes of packets. In steps of one short loop each over a few of them: in one long loop, a processor's window is
  // full of instructions that wait for the first packet.
  template <std::size_t Packets>
  MANGO_INLINE static void encode_run(const float* x, scaling by, [[maybe_unused]] const std::uint16_t* noise,
                                      std::uint8_t* to) {
    constexpr std::size_t run = Packets < 16 ? Packets : 16, packed = run < 4 ? run : 4;
    for (std::size_t first = 0; first < Packets; first += run) {
      packet y[run];
      packet::bits code[run];
      MANGO_UNROLL_4
      for (std::size_t k = 0; k < run; ++k) {
        y[k] = product(mango::load(x + (first + k) * packet::lanes), packet(by.inverse));
        if constexpr (!rounds && !by_position) code[k] = Map::place(y[k]);
        else if constexpr (has_segments) code[k] = Map::segment(y[k]);
      }
      MANGO_UNROLL_4
      for (std::size_t k = 0; k < run; ++k) {
        packet::bits found{};
        if constexpr ((!rounds && !by_position) || has_segments) found = code[k];
        if constexpr (rounds)
          code[k] = by_chance(mango::load(x + (first + k) * packet::lanes), by, y[k], found,
                              load_bits(noise + (first + k) * packet::lanes));
        else if constexpr (by_position) code[k] = detail::nearly_nearest<Map>(y[k], found);
        else code[k] = Map::nearest(y[k], found) << 16;
      }
      for (std::size_t k = 0; k < run; k += packed) {
        if constexpr (!rounds && by_position)
          if (detail::in_doubt<packed>(code + k)) [[unlikely]]
            for (std::size_t i = k; i < k + packed; ++i) code[i] = detail::nearest_code<Map>(y[i]) << 16;
        detail::save_codes<Map::bits, packed>(to + (first + k) * packet::lanes * Map::bits / 8, code + k);
      }
    }
  }
#endif
  // one number; of the nearest code it may be `doubtful` that this is it
  template <class T>
  MANGO_HD static number_bits<T> encode(T x, scaling by, [[maybe_unused]] number_bits<T> noise, bool& doubtful) {
    const T y = product(x, T(by.inverse));
    if constexpr (rounds) return as_bits(as_ints(by_chance(x, by, y, detail::segment_of<Map>(y), noise)) >> 16);
    else if constexpr (by_position) {
      const number_bits<T> at = detail::nearly_nearest<Map>(y, detail::segment_of<Map>(y));
      doubtful = doubtful || detail::is_doubtful(at);
      return at >> 16;
    } else {
      return detail::nearest_code<Map>(y);
    }
  }

  // The upper half of these is the code
  template <class T>
  MANGO_HD static number_bits<T> by_chance([[maybe_unused]] T x, [[maybe_unused]] scaling by, T y,
                                           number_bits<T> segment, number_bits<T> noise) {
    constexpr int one = 1 << 16;
    number_ints<T> at = detail::position_of<Map>(y, segment);
    if constexpr (Map::nonnegative && Map::has_zero) {
      const number_ints<T> floor = x > T(by.floor) ? number_ints<T>{} + one : number_ints<T>{};
      at = at > floor ? at : floor;
    } else {
      at = at_least(at, Map::first * one);  // it may be rounded past an end
    }
    return as_bits(at_most(at, Map::last * one)) + noise;
  }
};

}  // namespace mango
