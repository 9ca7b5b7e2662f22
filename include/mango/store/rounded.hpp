#pragma once
// A slot in half the memory: numbers of 16 bits, rounded stochastically.
#include "mango/store/store.hpp"

namespace mango::inline MANGO_ABI {

/// 16 bits per number, each an E: bfloat16 or float16. Written with stochastic rounding (core/round.hpp), so that the
/// expectation of what is read back is what was written: rounding to nearest would freeze a moment, since at b2 = 0.999
/// each step changes v by a thousandth, and a bfloat16 has 8 bits.
template <half E> struct rounded {
  static constexpr const char* name = std::same_as<E, bfloat16> ? "bf16" : "fp16";
  static constexpr double bits = 16;
  static constexpr std::array parts{part{"data", dtype_of<E>}};
  static constexpr bool rounds = true;
  static index_t elements(int, const shape& s) { return s.elements(); }

  struct view {
    E* data;
  };
  static view bind(std::byte* const* at) { return {reinterpret_cast<E*>(at[0])}; }
  template <class At> MANGO_HD static auto load(view s, At at) { return mango::load(s.data, at); }
  template <class At> MANGO_HD static void save(view s, At at, typename At::number x, typename At::bits noise) {
    save_halves(s.data, at, round_stochastic_bits<E>(to_bits(x), noise));
  }
};

}  // namespace mango
