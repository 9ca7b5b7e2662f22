#pragma once
// One fused pass over arrays of a test's own.
#include "mango/pass/lanes.hpp"

namespace support {

/// The slots' views, together with the stores that they are views of.
template <class... S> struct slots_in { mango::slot_views<S...> each; };

/// One view for each store, in the order of the slots: views<mango::fp32, mango::fp32>({m}, {v}).
template <class... S> slots_in<S...> views(typename S::view... each) { return {{{each}...}}; }

/// What a step of `chain` over one tensor is: call it with (begin, end).
template <class... S, class Chain, class Target, class G>
mango::lanes<Chain, Target, G, S...> one_pass(const Chain& chain, const mango::step_info& info, Target target,
                                              const G* g, slots_in<S...> slots, float gradient_scale = 1,
                                              const mango::philox_key& key = {}) {
  return {chain.fold(info), target, g, slots.each, gradient_scale, key};
}

}  // namespace support
