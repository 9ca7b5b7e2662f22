#pragma once
// What a survey needs of a driver: numbers that are squared and summed instead of moving a parameter, and factored
// slots that are read and left as they are.
#include "mango/pass/panel_slot.hpp"
#include "mango/store/read_only.hpp"

namespace mango::inline MANGO_ABI {

namespace detail {
/// sum[i] += x[i]^2, squared in double: no float is too large
MANGO_HOST_INLINE void add_squares(double* sum, const packet& x) {
#if MANGO_LANES > 1
  const half_doubles a = half_of<0>(x), b = half_of<half_lanes>(x);
  unaligned_doubles* low = reinterpret_cast<unaligned_doubles*>(sum);
  unaligned_doubles* high = reinterpret_cast<unaligned_doubles*>(sum + half_lanes);
  *low = *low + a * a;
  *high = *high + b * b;
#else
  *sum += static_cast<double>(x.v) * static_cast<double>(x.v);
#endif
}
/// Sums that grow side by side: each addition waits for the one before it in the same place.
inline constexpr int sums_at_once = 4 * packet::lanes;
/// All of them together, in one order.
inline double total_of(const double (&sums)[sums_at_once]) {
  double total = 0;
  for (const double x : sums) total += x;
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
  if constexpr (requires { to.master; }) return array_at(to.master);
  else if constexpr (requires { to.delta; }) return array_at(to.parameter);
  else if constexpr (requires { to.data; }) return array_at(to.data);
  else if constexpr (requires { to.view.data; }) return array_at(to.view.data);
  else return to;  // in two parts
}
}  // namespace detail

/// A target that leaves everything alone: what would be added to p is squared and added to `sums`; if that is null
/// nothing is. Unless it `reads`, p is not looked at either.
template <class Parameter> struct observing {
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
  template <class At> MANGO_HOST_INLINE void save(At at, packet, packet x, packet::bits) const {
    if (!sums) return;
    if constexpr (requires { at.count; }) x = math::select(first_lanes(at.count), x, packet(0.0f));
    detail::add_squares(sums + (at.i & (detail::sums_at_once - packet::lanes)), x);
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
