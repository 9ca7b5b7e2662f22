#pragma once
// A chain whose middle runs in a subspace.
#include "mango/project/row_column_moment.hpp"
#include "mango/project/subspace_options.hpp"
#include "mango/rule/learning.hpp"
#include "mango/rule/second_moment.hpp"
#include "mango/rule/survey.hpp"

namespace mango::inline MANGO_ABI {

namespace detail {
/// Whether a space divides by a second moment of its own, of what comes back.
template <class Space> inline constexpr bool divides = std::derived_from<Space, projfactor_options>;
/// What stands in its place where nothing is projected.
template <class Space> auto dividing(const Space& s) {
  if constexpr (divides<Space>) return chain(scale_by_second_moment{.b2 = s.b2, .eps = s.eps, .b1 = 0});
  else return chain();
}
}  // namespace detail

/// Three chains: `before` measures the gradient, `inner` runs on R = P^T G, and `after` moves the weights by what comes
/// back, scale P u. Tensors that are not projected run through all three as through one. See project().
template <class Space, class Before, class Inner, class After> struct projected_chain {
  Space space;
  Before before;
  Inner inner;
  After after;

  using whole = decltype(chain(Before{}, Inner{}, detail::dividing(Space{}), After{}));
  static constexpr auto slots = Inner::slots;
  static constexpr bool reads_parameter = true;
  static constexpr int measured = Before::measured;

  struct frame {
    typename whole::frame all;
    typename Inner::frame inner;
    typename After::frame after;
    detail::row_column_divisor divisor{};  // of spaces that divide; known when R is
    bool fused = false;                    // rows are projected, moved and brought back one block after the other
  };
  /// All of it, as one chain for tensors that are not projected.
  whole unprojected() const { return chain(before, inner, detail::dividing(space), after); }
  frame fold(const step_info& s) const { return {unprojected().fold(s), inner.fold(s), after.fold(s)}; }
  bool measures() const { return before.measures(); }
  double scale(const step_info& s) const { return before.scale(s); }
  template <class F> void hyperparameters(F&& f) const {
    space.hyperparameters(f);
    before.hyperparameters(f);
    inner.hyperparameters(f);
    after.hyperparameters(f);
  }
};

/// GaLore's idea as a chain: project(subspace_options{}, chain(scale_by_adam{}), chain(decoupled_step{})). What needs
/// the weights stands in `after`; what measures the norm of all gradients in `before`. Zhao et al. 2024, Algorithm 2,
/// arXiv:2403.03507.
template <class Space = subspace_options, class Inner, class After, class Before = decltype(chain())>
projected_chain<Space, Before, Inner, After> project(const Space& s, const Inner& inner, const After& after,
                                                     const Before& before = {}) {
  static_assert(!Inner::reads_parameter,
                "mango: a rule that reads the parameter (add_decayed_weights, ...) cannot run inside project(): there "
                "the parameter lives in the full space. Put it after; see docs/extending.md#project");
  static_assert(Inner::measured == 0 && slot_count<After> == 0 && slot_count<Before> == 0,
                "mango: state is kept inside project(), and what measures all gradients stands before it");
  static_assert(detail::learning<Inner>::memory == 0,
                "mango: a rule that learns from the weights (Prodigy, Kourkoutas) cannot run inside project()");
  return {s, before, inner, after};
}

namespace detail {
template <class... C> struct surveys<projected_chain<C...>> : surveys<typename projected_chain<C...>::whole> {};
template <class... C> struct learning<projected_chain<C...>> : learning<typename projected_chain<C...>::whole> {};
}  // namespace detail

}  // namespace mango
