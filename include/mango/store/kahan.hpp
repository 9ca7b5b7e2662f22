#pragma once
// A slot in two bfloat16 numbers: the value, and what rounding it left behind.
#include "mango/core/math.hpp"
#include "mango/store/store.hpp"

namespace mango::inline MANGO_ABI {

/// x is kept as value + compensation:  value <- nearest(x);  compensation <- nearest(x - value).
/// 32 bits per number and about 16 bits of mantissa, deterministic. As the storage of a bfloat16 parameter the value is
/// the trainer's own array and only the compensation is ours (16 bits): the parameter then moves by updates far smaller
/// than its last place. Kahan 1965; in training: Zamirai et al. 2020, arXiv:2010.06192.
/// Differs: published code adds the update to the compensation in bfloat16 first; ours sums all three in float and
/// rounds once.
struct kahan {
  static constexpr const char* name = "kahan";
  static constexpr double bits = 32;
  static constexpr std::array parts{part{"value", dtype::bf16}, part{"compensation", dtype::bf16}};
  static constexpr bool rounds = false;
  static index_t elements(int, const shape& s) { return s.elements(); }

  struct view {
    bfloat16* value;
    bfloat16* compensation;
  };
  static view bind(std::byte* const* at) {
    return {reinterpret_cast<bfloat16*>(at[0]), reinterpret_cast<bfloat16*>(at[1])};
  }
  template <class At> MANGO_HD static auto load(view s, At at) {
    return mango::load(s.value, at) + mango::load(s.compensation, at);
  }
  template <class At> MANGO_HD static void save(view s, At at, typename At::number x, typename At::bits) {
    // numbers above the largest bfloat16 are cut, not rounded to an infinity whose rest is one too; what is not finite
    // has no rest
    const auto word = to_bits(x), nearest = round_nearest_bits(word);
    const auto finite = (word & exponent_bits) != exponent_bits;
    const auto large = (nearest & 0x7f80u) == 0x7f80u;
    const auto value = finite ? (large ? word >> 16 : nearest) : nearest;
    const typename At::number rest = math::select(finite, x - from_bits(value << 16), typename At::number(0.0f));
    save_halves(s.value, at, value);
    save_halves(s.compensation, at, large ? to_bits(rest) >> 16 : round_nearest_bits(to_bits(rest)));
  }
};

}  // namespace mango
