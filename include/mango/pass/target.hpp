#pragma once
// Where an update goes: the parameter itself, a master copy and its rounded image, or a separate array.
#include "mango/store/kahan.hpp"

namespace mango::inline MANGO_ABI {

/// Updates the parameter where it lives, through a store: fp32, rounded (stochastic) or kahan.
template <store S> struct in_place {
  static constexpr bool rounds = S::rounds;
  using store_view = typename S::view;
  store_view view;
  MANGO_HOST_INLINE void prefetch(index_t i) const {
    if constexpr (requires { view.data; }) __builtin_prefetch(view.data + i);
    else if constexpr (requires { view.value; }) __builtin_prefetch(view.value + i);
  }
  template <class At> MANGO_HD auto load(At at) const { return S::load(view, at); }
  template <class At, class T> MANGO_HD void save(At at, T p, T u, typename At::bits noise) const {
    S::save(view, at, p + u, noise);
  }
};

/// A parameter of 16 bits rounded to nearest: for comparison with trainers that do so. Updates below half a unit in the
/// last place are lost.
template <half E> struct to_nearest {
  static constexpr bool rounds = false;
  E* data;
  MANGO_HOST_INLINE void prefetch(index_t i) const { __builtin_prefetch(data + i); }
  template <class At> MANGO_HD auto load(At at) const { return mango::load(data, at); }
  template <class At, class T> MANGO_HD void save(At at, T p, T u, typename At::bits) const {
    save_halves(data, at, round_nearest_bits<E>(to_bits(p + u)));
  }
};

/// Updates an fp32 master copy and writes the nearest E beside it.
template <half E> struct master_copy {
  static constexpr bool rounds = false;
  float* master;
  E* image;
  MANGO_HOST_INLINE void prefetch(index_t i) const { __builtin_prefetch(master + i); }
  template <class At> MANGO_HD auto load(At at) const { return mango::load(master, at); }
  template <class At, class T> MANGO_HD void save(At at, T p, T u, typename At::bits) const {
    const T moved = p + u;
    mango::save(master, at, moved);
    save_halves(image, at, round_nearest_bits<E>(to_bits(moved)));
  }
};

/// Leaves the parameter alone and writes the step u (what would be added to it) elsewhere.
template <class P> struct into {
  static constexpr bool rounds = false;
  const P* parameter;
  float* delta;
  MANGO_HOST_INLINE void prefetch(index_t i) const { __builtin_prefetch(parameter + i); }
  template <class At> MANGO_HD auto load(At at) const { return mango::load(parameter, at); }
  template <class At, class T> MANGO_HD void save(At at, T, T u, typename At::bits) const { mango::save(delta, at, u); }
};

}  // namespace mango
