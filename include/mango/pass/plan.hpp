#pragma once
// What a step costs, as constants: bits of state per parameter, bytes moved per parameter, passes over the gradient.
#include "mango/rule/survey.hpp"
#include "mango/store/store.hpp"

namespace mango::inline MANGO_ABI {

namespace detail {
template <class Chain, class Indices, class Stores> struct slot_bits;
template <class Chain, std::size_t... I, class... S> struct slot_bits<Chain, std::index_sequence<I...>, stores<S...>> {
  static constexpr double value = (0.0 + ... + bound_store<S, Chain::slots[I].values>::bits);
  // read and written in one pass of a step
  static constexpr double moved([[maybe_unused]] int pass) {
    return (0.0 + ... +
            (surveys<Chain>::times_moved(pass, static_cast<int>(I)) * bound_store<S, Chain::slots[I].values>::bits));
  }
};
}  // namespace detail

/// The cost of a chain over stores. Traffic counts every byte that crosses the memory bus when nothing is in cache:
/// p and g read, p written, every slot read and written, the gradient once more when a step looks at it first, to check
/// or to measure it, and what surveys read and write, all rules being on.
template <class Chain, class Stores> class plan {
  using slots = detail::slot_bits<Chain, std::make_index_sequence<static_cast<std::size_t>(Stores::count)>, Stores>;

 public:
  /// Bits of optimizer state per parameter; of factored slots the signs alone: what rows and columns add goes to zero
  /// with the size of the tensor.
  static constexpr double state_bits = slots::value;
  /// Passes over the gradients of a step when every measured rule is switched on; 1 when the chain has none.
  static constexpr int passes = (Chain::measured > 0 ? 2 : 1) + detail::surveys<Chain>::count;
  /// Bytes a step moves per parameter.
  static constexpr double bytes_moved(dtype parameter = dtype::f32, dtype gradient = dtype::f32,
                                      bool looked_at = false) {
    const auto p = static_cast<double>(size_of(parameter)), g = static_cast<double>(size_of(gradient));
    double bytes = p + (looked_at ? g : 0);
    for (int pass = 0; pass <= detail::surveys<Chain>::count; ++pass)
      bytes += g + (detail::surveys<Chain>::loads_parameter(pass) ? p : 0) + slots::moved(pass) / 8;
    return bytes;
  }
};

}  // namespace mango
