#pragma once
// Four bits with equal steps, in blocks.
#include "mango/store/blockwise.hpp"
#include "mango/store/linear_map.hpp"

namespace mango::inline MANGO_ABI {

/// 4 bits per number and one scale per block: k/7, k = -7 ... 7, or k/16, k = 1 ... 16, in a nonnegative slot
/// (store/linear_map.hpp); written with stochastic rounding. `Scale` as in nf4. Li et al. 2023, arXiv:2309.01507.
/// Differs: published 4-bit moments round to nearest, and stop moving.
template <int Block = 64, rounding Rounding = rounding::stochastic, class Scale = float> struct linear4 {
  static_assert(Block == 64 || Block == 128 || Block == 256 || Block == 512 || Block == 1024 || Block == 2048,
                "mango: linear4 takes blocks of a power of two of numbers, from 64 to 2048: linear4<64>");
  template <range R>
  using of = blockwise<std::conditional_t<R == range::nonnegative, linear4_unsigned_map, linear_map<4>>, Block,
                       Rounding, Scale>;
};

}  // namespace mango
