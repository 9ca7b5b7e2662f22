#pragma once
// A slot in two numbers of 16 bits: the value, and what rounding it left behind.
#include "mango/core/math.hpp"
#include "mango/store/store.hpp"

namespace mango::inline MANGO_ABI {

/// x is kept as value + compensation:  value <- nearest(x);  compensation <- nearest(x - value).
/// The value is an E, the compensation a bfloat16: 32 bits per number, and about 16 bits of mantissa over bfloat16, 19
/// over float16; deterministic. As the storage of a parameter of 16 bits the value is the trainer's own array and only
/// the compensation is ours (16 bits): the parameter then moves by updates far smaller than its last place. Kahan 1965;
/// in training: Zamirai et al. 2020, arXiv:2010.06192.
/// Differs: published code adds the update to the compensation in bfloat16 first; ours sums all three in float and
/// rounds once. It keeps the compensation of a float16 in float16 too, which has no place for it below 6e-8.
template <half E> struct compensated {
  static constexpr const char* name = "kahan";
  static constexpr double bits = 32;
  static constexpr std::array parts{part{"value", dtype_of<E>}, part{"compensation", dtype::bf16}};
  static constexpr bool rounds = false;
  static index_t elements(int, const shape& s) { return s.elements(); }

  struct view {
    E* value;
    bfloat16* compensation;
  };
  static view bind(std::byte* const* at) { return {reinterpret_cast<E*>(at[0]), reinterpret_cast<bfloat16*>(at[1])}; }
  template <class At> MANGO_HD static auto load(view s, At at) {
    return mango::load(s.value, at) + mango::load(s.compensation, at);
  }
  template <class At> MANGO_HD static void save(view s, At at, typename At::number x, typename At::bits) {
    // numbers above the largest E are cut, not rounded to an infinity whose rest is one too; what is not finite has no
    // rest
    constexpr std::uint32_t infinite = std::same_as<E, float16> ? float16_exponent_bits : bfloat16_exponent_bits;
    const auto word = to_bits(x), nearest = round_nearest_bits<E>(word);
    const auto finite = (word & exponent_bits) != exponent_bits;
    const auto large = (nearest & infinite) == infinite;
    const auto value = finite ? (large ? (word >> 16 & 0x8000u) | (infinite - 1u) : nearest) : nearest;
    const typename At::number rest =
        math::select(finite, x - from_bits(widen_bits<E>(value)), typename At::number(0.0f));
    save_halves(s.value, at, value);
    save_halves(s.compensation, at, large ? to_bits(rest) >> 16 : round_nearest_bits(to_bits(rest)));
  }
};

/// The same in bfloat16 twice, as the state of a slot.
using kahan = compensated<bfloat16>;

}  // namespace mango
