#pragma once
// What a survey needs of a driver: numbers that are multiplied and summed instead of moving a parameter, and factored
// slots that are read and left as they are.
#include "mango/pass/panel_slot.hpp"
#include "mango/rule/rule.hpp"
#include "mango/store/read_only.hpp"

namespace mango::inline MANGO_ABI {

namespace detail {
/// sum[i] += a[i] b[i], multiplied in double: no float is too large, and differences of such sums keep their digits
MANGO_HOST_INLINE void add_products(double* sum, const packet& a, const packet& b) {
#if MANGO_LANES > 1
  unaligned_doubles* low = reinterpret_cast<unaligned_doubles*>(sum);
  unaligned_doubles* high = reinterpret_cast<unaligned_doubles*>(sum + half_lanes);
  *low = *low + half_of<0>(a) * half_of<0>(b);
  *high = *high + half_of<half_lanes>(a) * half_of<half_lanes>(b);
#else
  *sum += static_cast<double>(a.v) * static_cast<double>(b.v);
#endif
}
/// Sums that grow side by side: each addition waits for the one before it in the same place.
inline constexpr int sums_at_once = 4 * packet::lanes;
/// All of them together, in one order.
inline double total_of(const double* sums) {
  double total = 0;
  for (int i = 0; i < sums_at_once; ++i) total += sums[i];
  return total;
}
}  // namespace detail

namespace detail {
// a parameter, to be read: few kinds, so that a program compiles few surveys. The last is one that is not looked at
template <class E> struct parameter_array {
  const E* data;
  MANGO_HOST_INLINE void prefetch(index_t i) const { __builtin_prefetch(data + i); }
  template <class At> MANGO_HOST_INLINE packet load(At at) const { return mango::load(data, at); }
};
struct no_parameter {
  MANGO_HOST_INLINE void prefetch(index_t) const {}
  template <class At> MANGO_HOST_INLINE packet load(At) const { return packet(0.0f); }
};
template <class E> parameter_array<E> array_at(const E* data) { return {data}; }

template <class Target> auto parameter_of(const Target& to) {
  if constexpr (requires { to.draws(); }) return to;  // kept in one of several ways
  else if constexpr (requires { to.master; }) return array_at(to.master);
  else if constexpr (requires { to.delta; }) return array_at(to.parameter);
  else if constexpr (requires { to.data; }) return array_at(to.data);
  else if constexpr (requires { to.view.data; }) return array_at(to.view.data);
  else return to;  // in two parts
}
}  // namespace detail

/// A target that leaves everything alone: instead of what would be added to p it gets Sums products, and adds each to
/// `sums_at_once` of the `sums`; if that is null, to nothing. Unless it `reads`, p is not looked at either.
template <class Parameter, int Sums> struct observing {
  static constexpr bool rounds = false;
  Parameter parameter;
  double* sums;
  bool reads;
  MANGO_HOST_INLINE void prefetch(index_t i) const {
    if (reads) parameter.prefetch(i);
  }
  template <class At> MANGO_HOST_INLINE packet load(At at) const {
    if (reads) return parameter.load(at);
    return packet(0.0f);
  }
  template <class At>
  MANGO_HOST_INLINE void save([[maybe_unused]] At at, packet, const products<packet, Sums>& x, packet::bits) const {
    if constexpr (Sums > 0) {
      if (!sums) return;
      for (int k = 0; k < Sums; ++k) {
        packet a = x.a[k], b = x.b[k];
        if constexpr (requires { at.count; }) {
          a = math::select(first_lanes(at.count), a, packet(0.0f));
          b = math::select(first_lanes(at.count), b, packet(0.0f));
        }
        detail::add_products(sums + k * detail::sums_at_once + (at.i & (detail::sums_at_once - packet::lanes)), a, b);
      }
    }
  }
};

namespace detail {
// a factored slot whose row and column stay: only decoded
template <class S, std::size_t Rows>
requires factored_store<S>
struct panel_slot<read_only<S>, Rows> : panel_slot<S, Rows> {
  using panel_slot<S, Rows>::panel_slot;
  void finish(std::size_t, index_t) {}
  void flush_rows() {}
  template <std::size_t, class Held, class At> MANGO_HOST_INLINE void save(Held&, At, packet, packet::bits) {}
  template <class Held, class At> MANGO_HOST_INLINE void release(const Held&, At) const {}
};
}  // namespace detail

}  // namespace mango
