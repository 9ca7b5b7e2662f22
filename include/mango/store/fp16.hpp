#pragma once
// A slot in IEEE half: half the memory, eight times the precision of bfloat16, and the range of gradients.
#include "mango/core/math.hpp"
#include "mango/store/rounded.hpp"

namespace mango::inline MANGO_ABI {

namespace detail {
// x is kept as r = sqrt(x), and read as r r
struct fp16_root : rounded<float16> {
  static constexpr std::array parts{part{"root", dtype::f16}};
  static view bind(std::byte* const* at) { return rounded<float16>::bind(at); }
  template <class At> MANGO_HD static auto load(view s, At at) {
    const auto r = mango::load(s.data, at);
    return r * r;
  }
  template <class At> MANGO_HD static void save(view s, At at, typename At::number x, typename At::bits noise) {
    rounded<float16>::save(s, at, math::sqrt(x), noise);
  }
};
}  // namespace detail

/// 16 bits per number, rounded stochastically (store/rounded.hpp); one rounding is off by at most one unit in the last
/// place, 2^-10 of the value. Finite numbers above 65504 are kept as 65504, numbers below 6e-8 as that or 0. A
/// nonnegative slot, a second moment, keeps the square roots, which have the range of the gradients themselves: a
/// gradient of 1e-5, whose square no half can hold, is no trouble. Where gradients are smaller than 1e-6, as they can
/// be in bf16 training, take bf16.
/// Differs: published code keeps the square, which is 0 from gradients of 2e-4 down and infinite from 256 up.
struct fp16 {
  template <range R> using of = std::conditional_t<R == range::nonnegative, detail::fp16_root, rounded<float16>>;
};

}  // namespace mango
