#pragma once
// Where an update goes: the parameter itself, a master copy and its rounded image, or a separate array.
#include "mango/store/kahan.hpp"
#include "mango/store/rounded.hpp"

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

/// A parameter of 16 bits in whichever of these ways it is kept: with a master copy, else with a compensation, else
/// rounded to nearest or at random. Which one is the same for the whole tensor, so asking costs one predicted branch
/// per packet, and a program compiles one pass in place of four.
template <half E> struct half_parameter {
  static constexpr bool rounds = true;
  E* data;
  bfloat16* compensation;  // or null
  float* master;           // or null
  bool nearest;

  /// Whether save() looks at its random bits.
  bool draws() const { return !master && !compensation && !nearest; }
  MANGO_HOST_INLINE void prefetch(index_t i) const {
    if (master) __builtin_prefetch(master + i);
    else __builtin_prefetch(data + i);
  }
  template <class At> MANGO_HOST_INLINE auto load(At at) const {
    if (master) return mango::load(master, at);
    if (compensation) return compensated<E>::load({data, compensation}, at);
    return mango::load(data, at);
  }
  template <class At, class T> MANGO_HOST_INLINE void save(At at, T p, T u, typename At::bits noise) const {
    if (master) master_copy<E>{master, data}.save(at, p, u, noise);
    else if (compensation) compensated<E>::save({data, compensation}, at, p + u, noise);
    else if (nearest) to_nearest<E>{data}.save(at, p, u, noise);
    else rounded<E>::save({data}, at, p + u, noise);
  }
};

/// Whether a pass needs random bits for this target.
template <class Target> MANGO_HOST_INLINE bool draws_for(const Target& to) {
  if constexpr (requires { to.draws(); }) return to.draws();
  else return Target::rounds;
}

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
