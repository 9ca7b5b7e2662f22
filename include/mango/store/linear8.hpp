#pragma once
// Eight bits with equal steps, in blocks.
#include "mango/store/blockwise.hpp"
#include "mango/store/linear_map.hpp"

namespace mango::inline MANGO_ABI {

/// 8 bits per number and one fp32 scale per block: k/127, k = -127 ... 127 (store/linear_map.hpp), to nearest. For
/// slots of any sign only: the small entries of a second moment would become 0 and its step explode.
template <int Block = 256, rounding Rounding = rounding::nearest> struct linear8 {
  static_assert(Block == 64 || Block == 128 || Block == 256 || Block == 512 || Block == 1024 || Block == 2048,
                "mango: linear8 takes blocks of a power of two of numbers, from 64 to 2048: linear8<256>");

 private:
  template <range R> struct bind {
    static_assert(
        R != range::nonnegative,
        "mango: linear8 cannot hold a second moment: with equal steps its small entries become 0 and the step "
        "explodes; use dynamic8");
    using type = blockwise<linear_map<8>, Block, Rounding>;
  };

 public:
  template <range R> using of = typename bind<R>::type;
};

}  // namespace mango
