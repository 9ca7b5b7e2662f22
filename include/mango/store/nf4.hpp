#pragma once
// NormalFloat-4 in blocks.
#include "mango/store/blockwise.hpp"
#include "mango/store/linear_map.hpp"
#include "mango/store/nf4_map.hpp"

namespace mango::inline MANGO_ABI {

/// 4 bits per number and one scale per block: NF4 (store/nf4_map.hpp), written with stochastic rounding, since a moment
/// rounded to the nearest of 16 codes stops moving. A nonnegative slot gets k/16, k = 1 ... 16, instead
/// (store/linear_map.hpp): half of NF4 would be lost on it, and its 0 would stand in a denominator. `Scale` float16
/// saves two of four bytes per block where magnitudes are between 1e-7 and 65504; a nonnegative slot refuses it.
/// Dettmers et al. 2023, arXiv:2305.14314; Li et al. 2023, arXiv:2309.01507.
template <int Block = 64, rounding Rounding = rounding::stochastic, class Scale = float> struct nf4 {
  static_assert(Block == 32 || Block == 64 || Block == 128 || Block == 256 || Block == 512 || Block == 1024 ||
                    Block == 2048,
                "mango: nf4 takes blocks of a power of two of numbers, from 32 to 2048: nf4<64>");
  template <range R>
  using of =
      blockwise<std::conditional_t<R == range::nonnegative, linear4_unsigned_map, nf4_map>, Block, Rounding, Scale>;
};

}  // namespace mango
