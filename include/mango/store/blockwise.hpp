#pragma once
// A slot in blocks: a few bits per number, and one scale per block of them.
#include "mango/core/math.hpp"
#include "mango/store/block_scan.hpp"
#include "mango/store/code_bytes.hpp"
#include "mango/store/store.hpp"

namespace mango::inline MANGO_ABI {

/// Codes of `Map` for x / a, where a is the largest magnitude in a block of `Block` numbers; a is kept in fp32.
///   write  y = x (1/a); the code nearest to y, at one distance the lower; if `stochastic`, the code on the other side
///          of y instead, with probability distance / gap in steps of 2^-16
///   read   Map::value(code) a
/// A block whose largest magnitude is below the smallest normal float has scale 0 and reads as +0. NaN and infinity
/// count as 0: they neither move the scale nor are stored. In a nonnegative map that has a zero, `stochastic` stores a
/// number above zero as at least the smallest positive value: a denominator made of it is too large rather than 0.
/// Two codes of four bits share a byte, the first in its upper half; an odd tail leaves the code of zero in the other.
/// Dettmers et al. 2022, arXiv:2110.02861, section 2.1.
/// Differs: that floor, and zero blocks: published kernels divide 0 by 0, or decode them to what was not there.
template <class Map, int Block, rounding Rounding> struct blockwise {
  static_assert(Block >= 32 && Block <= 4096 && (Block & (Block - 1)) == 0,
                "mango: a block has a power of two of numbers, from 32 to 4096");

  using map = Map;
  static constexpr const char* name = Map::name;
  static constexpr int block = Block;
  static constexpr double bits = Map::bits + 32.0 / Block;
  static constexpr auto fill = static_cast<std::uint8_t>(Map::bits == 4 ? (Map::zero & 15) * 0x11 : Map::zero & 255);
  static constexpr std::array parts{part{"codes", dtype::u8, fill}, part{"scales", dtype::f32}};
  static constexpr bool rounds = Rounding == rounding::stochastic;
  static index_t elements(int k, const shape& s) { return k == 0 ? code_bytes(s.elements()) : scales(s.elements()); }
  /// Bytes of the codes of n numbers, and how many scales they have.
  static constexpr index_t code_bytes(index_t n) { return Map::bits == 4 ? n / 2 + n % 2 : n; }
  static constexpr index_t scales(index_t n) { return n / Block + (n % Block != 0); }

  struct view {
    std::uint8_t* codes;
    float* scales;
  };
  static view bind(std::byte* const* at) {
    return {reinterpret_cast<std::uint8_t*>(at[0]), reinterpret_cast<float*>(at[1])};
  }

  /// Reads one block: member r of the team gets the N T from begin + r * N * lanes on. The block has `count` elements;
  /// what lies past them reads as +0.
  template <class Team, class T, std::size_t N>
  MANGO_HD static void load(const Team& team, view s, index_t begin, int count, T (&x)[N]) {
    constexpr int own = share<T, N>();
    const int here = count - team.rank() * own;
    const std::uint8_t* from = s.codes + (begin + team.rank() * own) * Map::bits / 8;
    const T scale(s.scales[begin / Block]);
    if constexpr (lanes_per<T> == 1) {
      for (std::size_t k = 0; k < N; ++k)
        x[k] = static_cast<int>(k) < here ? decode(detail::code_at<Map::bits>(from, k), scale) : T(0.0f);
    } else {
      detail::code_tail<Map::bits * own / 8> tail;
      if (here < own) from = tail.read(from, here * Map::bits, fill);
      for (std::size_t k = 0; k < N; ++k) x[k] = decode(detail::load_codes<Map::bits>(from, k), scale);
      if (here < own) detail::keep_first(reinterpret_cast<float*>(x), here, own);
    }
  }

  /// Writes one block, shared as in load(). `noise` holds 16 random bits per number, and is not read unless `rounds`.
  /// Returns how many of this member's numbers are NaN or infinite.
  template <class Team, class T, std::size_t N>
  MANGO_HD static int save(const Team& team, view s, index_t begin, int count, const T (&x)[N],
                           const number_bits<T> (&noise)[N]) {
    constexpr int own = share<T, N>();
    const int here = count - team.rank() * own;
    std::uint8_t* const to = s.codes + (begin + team.rank() * own) * Map::bits / 8;
    if constexpr (lanes_per<T> == 1) {
      T kept[N];
      const detail::magnitudes seen = detail::keep_finite(x, here, kept);
      const scaling by = scale_for(team, s.scales + begin / Block, seen.largest);
      std::uint32_t codes[N];
      for (std::size_t k = 0; k < N; ++k) codes[k] = encode(kept[k], by, noise[k]);
      detail::write_codes<Map::bits>(to, here, codes);
      return seen.nonfinite;
    } else {
      return save_floats<own>(team, s.scales + begin / Block, to, here, reinterpret_cast<const float*>(x), noise);
    }
  }

  /// The value of a code, times its block's scale.
  template <class T> MANGO_HD static T decode(number_bits<T> code, T scale) {
    return product(Map::template value<T>(code), scale);
  }

#if MANGO_LANES > 1
  /// save() by packets from memory: `Own` numbers, of which `here` exist. `noise` may be null unless `rounds`.
  template <int Own, class Team>
  MANGO_INLINE static int save_floats(const Team& team, float* scale, std::uint8_t* to, int here, const float* x,
                                      const packet::bits* noise) {
    constexpr auto packets = static_cast<std::size_t>(Own / packet::lanes);
    detail::magnitudes seen{detail::infinite_pattern, 0};
    if (here >= Own) seen.largest = detail::largest_pattern<packets>(x);
    alignas(64) float kept[std::size_t{Own}];
    if (seen.largest >= detail::infinite_pattern) {
      seen = detail::keep_finite(x, here, Own, kept);
      x = kept;
    }
    const scaling by = scale_for(team, scale, seen.largest);
    detail::code_tail<Map::bits * Own / 8> tail;
    std::uint8_t* const at = here < Own ? tail.bytes : to;
    for (std::size_t k = 0; k < packets; ++k) {
      const packet y = mango::load(x + k * packet::lanes);
      detail::save_codes<Map::bits>(at, k, encode(y, by, rounds ? noise[k] : packet::bits{}));
    }
    if (here < Own) tail.write(to, here * Map::bits);
    return seen.nonfinite;
  }
#endif

 private:
  template <class T, std::size_t N> static constexpr int share() {
    constexpr int own = static_cast<int>(N) * lanes_per<T>;
    static_assert(own * Map::bits % 8 == 0, "mango: a member of a team holds whole bytes of a block's codes");
    return own;
  }

  struct scaling {
    float inverse;
    float floor;  // a nonnegative number above it does not become 0
  };
  template <class Team> MANGO_HD static scaling scale_for(const Team& team, float* scale, std::int32_t pattern) {
    const float a = team.max(__builtin_bit_cast(float, pattern));
    const bool vanishes = __builtin_bit_cast(std::int32_t, a) < 0x00800000;  // below the smallest normal float
    if (team.rank() == 0) *scale = vanishes ? 0.0f : a;
    return vanishes ? scaling{0.0f, a} : scaling{1.0f / a, 0.0f};
  }

  // The code of x
  template <class T> MANGO_HD static number_bits<T> encode(T x, scaling by, [[maybe_unused]] number_bits<T> noise) {
    const T y = product(x, T(by.inverse));
    number_bits<T> code = Map::nearest(y);
    if constexpr (rounds) {
      code = move_by_chance(y, code, noise);
      if constexpr (Map::nonnegative && Map::has_zero) code = x > T(by.floor) ? at_least_one(code) : code;
    }
    return code;
  }
  template <class Bits> MANGO_HD static Bits at_least_one(Bits code) { return code == 0u ? code + 1u : code; }
  // The code beyond y, with probability |y - value| / |next - value|
  template <class T> MANGO_HD static number_bits<T> move_by_chance(T y, number_bits<T> code, number_bits<T> noise) {
    const T value = Map::template value<T>(code);
    const number_ints<T> k = as_ints(code), lower = k > Map::first ? k - 1 : k, upper = k < Map::last ? k + 1 : k;
    const number_bits<T> next = as_bits(y > value ? upper : lower);
    const T gap = math::abs(Map::template value<T>(next) - value), distance = math::abs(y - value);
    const T draw = to_number<T>(as_ints(noise)) + T(0.5f);
    return draw * gap < distance * T(65536.0f) ? next : code;
  }
};

}  // namespace mango
