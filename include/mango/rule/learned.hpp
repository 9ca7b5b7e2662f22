#pragma once
// What the learning rules of a chain do with what they remember: the same on the host and on a device.
#include "mango/rule/learning.hpp"

namespace mango::inline MANGO_ABI::detail {

/// A rule's memory as it lies among a tensor's doubles, and back.
template <class Memory> MANGO_HOST_DEVICE Memory read_memory(const double* from) {
  struct doubles {
    double x[sizeof(Memory) / sizeof(double)];
  } all;
  for (std::size_t i = 0; i < sizeof(Memory) / sizeof(double); ++i) all.x[i] = from[i];
  return __builtin_bit_cast(Memory, all);
}
template <class Memory> MANGO_HOST_DEVICE void write_memory(double* to, const Memory& m) {
  struct doubles {
    double x[sizeof(Memory) / sizeof(double)];
  };
  const auto all = __builtin_bit_cast(doubles, m);
  for (std::size_t i = 0; i < sizeof(Memory) / sizeof(double); ++i) to[i] = all.x[i];
}

// functors, since a lambda of the host's is none of a device's
struct informing {
  step_info& info;
  const double* memory;
  template <class R, int Memory, int, int> MANGO_HOST_DEVICE void operator()(const R& r) const {
    r.inform(info, read_memory<typename R::memory>(memory + Memory));
  }
};
struct taking_in {
  const step_info& info;
  double* memory;
  const double* sums;
  template <class R, int Memory, int Sums, int> MANGO_HOST_DEVICE void operator()(const R& r) const {
    auto m = read_memory<typename R::memory>(memory + Memory);
    r.learn(m, info, sums + Sums);
    write_memory(memory + Memory, m);
  }
};

/// What rules tell each other before they fold; `memory` is all that a tensor remembers.
template <class Chain> MANGO_HOST_DEVICE void inform(const Chain& rules, step_info& info, const double* memory) {
  each_learning(rules, informing{info, memory});
}
/// Every learning rule takes what was observed of a tensor that has been moved.
template <class Chain>
MANGO_HOST_DEVICE void learn(const Chain& rules, const step_info& info, double* memory, const double* sums) {
  each_learning(rules, taking_in{info, memory, sums});
}

/// Every observing rule looks: `seen_by.template as<R, Sliced>()` is what it may ask of the numbers.
MANGO_EITHER_SIDE
template <int Sums = 0, int Sliced = 0, class Head, class... Tail, class Seen>
MANGO_HOST_DEVICE void observe(const chain_t<Head, Tail...>*, const typename chain_t<Head, Tail...>::frame& k,
                               const Seen& seen_by, double* sums) {
  if constexpr (observing_rule<Head>) Head::observe(k.head, seen_by.template as<Head, Sliced>(), sums + Sums);
  if constexpr (sizeof...(Tail) > 0)
    observe<Sums + sums_of<Head>(), Sliced + sliced_of<Head>()>(static_cast<const chain_t<Tail...>*>(nullptr), k.tail,
                                                                seen_by, sums);
}
/// Whether a rule of this chain, as configured, does.
template <class Head, class... Tail> bool observes(const chain_t<Head, Tail...>& c) {
  if constexpr (observing_rule<Head>) {
    if constexpr (requires { c.head.observes(); }) {
      if (c.head.observes()) return true;
    } else return true;
  }
  if constexpr (sizeof...(Tail) > 0) return observes(c.tail);
  else return false;
}

/// Which of a pool's places is a tensor's: its number among all, its group's, or that of the first of its shape.
MANGO_HOST_DEVICE constexpr std::size_t place_in(pool by, std::size_t tensor, std::size_t group,
                                                 std::size_t same_shape) {
  return by == pool::all ? 0 : by == pool::group ? group : by == pool::shape ? same_shape : tensor;
}

}  // namespace mango::inline MANGO_ABI::detail
