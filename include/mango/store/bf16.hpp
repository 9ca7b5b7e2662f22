#pragma once
// A slot in bfloat16: half the memory, and the range of a float.
#include "mango/store/rounded.hpp"

namespace mango::inline MANGO_ABI {

/// 16 bits per number, rounded stochastically (store/rounded.hpp); one rounding is off by at most one unit in the last
/// place, 2^-7 of the value.
using bf16 = rounded<bfloat16>;

}  // namespace mango
