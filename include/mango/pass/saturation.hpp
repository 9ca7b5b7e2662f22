#pragma once
// What rounding to 16 bits has cut off.
#include "mango/core/types.hpp"

namespace mango::inline MANGO_ABI {

/// Whether a number is the largest of its type, or beyond it: it stands for a larger float, as good as always.
template <half E> MANGO_HD constexpr bool is_saturated(E x) {
  constexpr std::uint32_t largest = std::same_as<E, float16> ? 0x7bffu : 0x7f7fu;
  return (x.bits & 0x7fffu) >= largest;
}

/// How many of n numbers of 16 bits are; none of any other type.
inline index_t count_saturated(const void* x, dtype type, index_t n) {
  const auto count = [n](const auto* numbers) {
    index_t all = 0;
    for (index_t i = 0; i < n; ++i) all += is_saturated(numbers[i]) ? 1 : 0;
    return all;
  };
  if (type == dtype::bf16) return count(static_cast<const bfloat16*>(x));
  if (type == dtype::f16) return count(static_cast<const float16*>(x));
  return 0;
}

}  // namespace mango
