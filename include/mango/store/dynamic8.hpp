#pragma once
// Eight bits over seven decades, in blocks.
#include "mango/store/blockwise.hpp"
#include "mango/store/dynamic_map.hpp"

namespace mango::inline MANGO_ABI {

namespace detail {
template <range R, rounding... Rounding> constexpr rounding dynamic8_rounding() {
  rounding r = R == range::nonnegative ? rounding::stochastic : rounding::nearest;
  ((r = Rounding), ...);
  return r;
}
}  // namespace detail

/// 8 bits per number and one fp32 scale per block: the dynamic tree (store/dynamic_map.hpp), signed or, in a
/// nonnegative slot, unsigned. A signed slot is rounded to nearest, a nonnegative one stochastically and never to 0:
/// rounded to nearest, a second moment follows its gradients only where a step exceeds half a code, and where it
/// becomes 0 before the first moment does, one step is as large as lr/eps. `Rounding` asks for one of the two in both.
/// Dettmers et al. 2022, arXiv:2110.02861.
/// Differs: published 8-bit optimizers round to nearest throughout.
template <int Block = 256, rounding... Rounding> struct dynamic8 {
  static_assert(Block == 64 || Block == 128 || Block == 256 || Block == 512 || Block == 1024 || Block == 2048,
                "mango: dynamic8 takes blocks of a power of two of numbers, from 64 to 2048: dynamic8<256>");
  static_assert(sizeof...(Rounding) <= 1, "mango: dynamic8 takes a block size and at most one rounding");
  template <range R>
  using of = blockwise<dynamic_map<R != range::nonnegative>, Block, detail::dynamic8_rounding<R, Rounding...>()>;
};

}  // namespace mango
