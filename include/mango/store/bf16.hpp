#pragma once
// A slot in half the memory: bfloat16, rounded stochastically.
#include "mango/store/store.hpp"

namespace mango::inline MANGO_ABI {

/// 16 bits per number. Written with stochastic rounding (core/round.hpp): rounding to nearest would freeze a moment,
/// since at b2 = 0.999 each step changes v by a thousandth and bfloat16 has 8 bits. The expectation of what is read
/// back is what was written; one rounding is off by at most one unit in the last place, 2^-7 of the value.
struct bf16 {
  static constexpr const char* name = "bf16";
  static constexpr double bits = 16;
  static constexpr std::array parts{part{"data", dtype::bf16}};
  static constexpr bool rounds = true;
  static index_t elements(int, const shape& s) { return s.elements(); }

  struct view {
    bfloat16* data;
  };
  static view bind(std::byte* const* at) { return {reinterpret_cast<bfloat16*>(at[0])}; }
  template <class At> MANGO_HD static auto load(view s, At at) { return mango::load(s.data, at); }
  template <class At> MANGO_HD static void save(view s, At at, typename At::number x, typename At::bits noise) {
    save_halves(s.data, at, round_stochastic_bits(to_bits(x), noise));
  }
};

}  // namespace mango
