#pragma once
// What a step costs, as constants: bits of state per parameter, bytes moved per parameter, passes over the gradient.
#include "mango/rule/chain.hpp"
#include "mango/store/store.hpp"

namespace mango::inline MANGO_ABI {

/// The cost of a chain over stores. Traffic counts every byte that crosses the memory bus when nothing is in cache:
/// p and g read, p written, every slot read and written, and the gradient once more when a step looks at it first,
/// to check or to measure it.
template <class Chain, class Stores> struct plan {
  /// Bits of optimizer state per parameter.
  static constexpr double state_bits = Stores::bits;
  /// Passes over the gradients of a step when every measured rule is switched on; 1 when the chain has none.
  static constexpr int passes = Chain::measured > 0 ? 2 : 1;
  /// Bytes a step moves per parameter.
  static constexpr double bytes_moved(dtype parameter = dtype::f32, dtype gradient = dtype::f32,
                                      bool looked_at = false) {
    const auto p = static_cast<double>(size_of(parameter)), g = static_cast<double>(size_of(gradient));
    return 2 * p + g * (looked_at ? 2 : 1) + 2 * state_bits / 8;
  }
};

}  // namespace mango
