#pragma once
// Rules composed in registers: u enters as the gradient, passes through every rule, and leaves as what is added to p.
#include "mango/rule/rule.hpp"

namespace mango::inline MANGO_ABI {

namespace detail {
// a rule written on float alone, inside a packet: correct everywhere, at the speed of one lane
template <class R, int At, class T, std::size_t N, std::size_t... I>
MANGO_INLINE T by_lanes(const typename R::frame& k, T u, T x, T p, [[maybe_unused]] T (&s)[N],
                        std::index_sequence<I...>) {
  for (int lane = 0; lane < T::lanes; ++lane) {
    float y[sizeof...(I) + 1] = {s[At + static_cast<int>(I)][lane]...};
    if constexpr (steering_rule<R>) u.set(lane, R::steer(k, u[lane], x[lane], y[I]...));
    else if constexpr (gradient_rule<R>) u.set(lane, R::apply(k, u[lane], y[I]...));
    else u.set(lane, R::apply(k, u[lane], p[lane], y[I]...));
    (s[At + static_cast<int>(I)].set(lane, y[I]), ...);
  }
  return u;
}
// one rule of a chain, whose slots start at `At`; `Unscaled`: the next takes over its factor
template <class R, int At, bool Unscaled, class T, std::size_t N, std::size_t... I>
MANGO_HD T link(const typename R::frame& k, T u, T& x, T p, [[maybe_unused]] T (&s)[N],
                std::index_sequence<I...> each) {
  if constexpr (takes_input<R>) x = u;
  if constexpr (steers<R, T>()) {
    if constexpr (Unscaled) return R::steer_unscaled(k, u, x, s[At + static_cast<int>(I)]...);
    else return R::steer(k, u, x, s[At + static_cast<int>(I)]...);
  } else if constexpr (Unscaled) return R::apply_unscaled(k, u, s[At + static_cast<int>(I)]...);
  else if constexpr (applies<R, T>()) return R::apply(k, u, s[At + static_cast<int>(I)]...);
  else if constexpr (applies<R, T, T>()) return R::apply(k, u, p, s[At + static_cast<int>(I)]...);
  else return by_lanes<R, At>(k, u, x, p, s, each);
}
}  // namespace detail

/// The empty chain: u passes through unchanged. The unit of composition.
template <class... Rules> struct chain_t {
  static constexpr bool absorbs = false;
  static constexpr std::array<slot, 0> slots{};
  static constexpr bool reads_parameter = false;
  static constexpr int measured = 0;
  struct frame {};
  MANGO_HOST_DEVICE constexpr frame fold(const step_info&) const { return {}; }
  MANGO_HOST_DEVICE constexpr bool measures() const { return false; }
  MANGO_HOST_DEVICE constexpr double scale(const step_info&) const { return 1; }
  template <class F> void hyperparameters(F&&) const {}
  template <int At, class T, std::size_t N> MANGO_HD static T run(const frame&, T u, T, T (&)[N]) { return u; }
  template <int At, class T, std::size_t N> MANGO_HD static T follow(const frame&, T u, T, T, T (&)[N]) { return u; }
};

/// Head, then the rest. An aggregate by recursion: no tuple, no virtual call, no heap.
template <class Head, class... Tail> struct chain_t<Head, Tail...> {
  using head_type = Head;
  using rest = chain_t<Tail...>;
  [[no_unique_address]] Head head;
  [[no_unique_address]] rest tail;

  static constexpr auto slots = [] {
    std::array<slot, static_cast<std::size_t>(slot_count<Head> + slot_count<rest>)> all{};
    for (std::size_t i = 0; i != all.size(); ++i) {
      constexpr std::size_t own = static_cast<std::size_t>(slot_count<Head>);
      if constexpr (slot_count<rest> == 0) all[i] = Head::slots[i];
      else if constexpr (own == 0) all[i] = rest::slots[i];
      else all[i] = i < own ? Head::slots[i] : rest::slots[i - own];
    }
    return all;
  }();
  static constexpr bool reads_parameter = parameter_rule<Head> || rest::reads_parameter;
  static constexpr int measured = (measured_rule<Head> ? 1 : 0) + rest::measured;
  static constexpr bool unscaled = scaling_rule<Head> && rest::absorbs;

  static constexpr bool absorbs = absorbing_rule<Head>;

  struct frame {
    typename Head::frame head;
    typename rest::frame tail;
  };
  /// The constants of one step, computed once, in double, on the host.
  MANGO_HOST_DEVICE constexpr frame fold(const step_info& s) const {
    frame k{head.fold(s), tail.fold(s)};
    if constexpr (unscaled) rest::head_type::absorb(k.tail.head, Head::factor(k.head));
    return k;
  }
  /// Whether a rule of this chain, as configured, needs the norm of all gradients first.
  MANGO_HOST_DEVICE constexpr bool measures() const {
    if constexpr (measured_rule<Head>) return head.measures() || tail.measures();
    else return tail.measures();
  }
  /// The factor that measured rules put on every gradient of the step.
  MANGO_HOST_DEVICE constexpr double scale(const step_info& s) const {
    if constexpr (measured_rule<Head>) return head.scale(s) * tail.scale(s);
    else return tail.scale(s);
  }
  /// f(name, value, interval) or f(name, word) for every hyperparameter of every rule.
  template <class F> void hyperparameters(F&& f) const {
    if constexpr (listed_rule<Head>) head.hyperparameters(f);
    tail.hyperparameters(f);
  }
  /// One number, or one packet, through every rule; `s` holds the slots in the order of `slots`.
  template <int At, class T, std::size_t N> MANGO_HD static T run(const frame& k, T u, T p, T (&s)[N]) {
    return follow<At>(k, u, u, p, s);
  }
  /// The same from the middle of a chain, where x is what momentum was made of.
  template <int At, class T, std::size_t N> MANGO_HD static T follow(const frame& k, T u, T x, T p, T (&s)[N]) {
    u = detail::link<Head, At, unscaled>(k.head, u, x, p, s,
                                         std::make_index_sequence<static_cast<std::size_t>(slot_count<Head>)>{});
    return rest::template follow<At + slot_count<Head>>(k.tail, u, x, p, s);
  }
};

namespace detail {
struct invalid {};  // what chain() returns after its static_assert fired: one mistake, one message

template <class T> inline constexpr bool is_chain = false;
template <class... R> inline constexpr bool is_chain<chain_t<R...>> = true;

constexpr chain_t<> flatten() { return {}; }
template <class H, class... T, class... Rest> constexpr auto flatten(const chain_t<H, T...>& c, const Rest&... rest);
template <class R, class... Rest> constexpr auto flatten(const R& r, const Rest&... rest);
template <class... Rest> constexpr auto flatten(const chain_t<>&, const Rest&... rest) { return flatten(rest...); }
template <class H, class... T, class... Rest> constexpr auto flatten(const chain_t<H, T...>& c, const Rest&... rest) {
  return flatten(c.head, c.tail, rest...);
}
template <class R, class... Tail> constexpr chain_t<R, Tail...> prepend(const R& r, const chain_t<Tail...>& tail) {
  return {r, tail};
}
template <class R, class... Rest> constexpr auto flatten(const R& r, const Rest&... rest) {
  return prepend(r, flatten(rest...));
}

template <class R> consteval bool check_link() {
  if constexpr (is_chain<R>) return true;
  else return check_rule<R>();
}
// measured rules come first: what they measure is the gradient as it enters the chain
template <class... R> consteval bool measured_first(chain_t<R...>) {
  bool seen_other = false, ok = true;
  ((measured_rule<R> ? void(ok = ok && !seen_other) : void(seen_other = true)), ...);
  return ok;
}
}  // namespace detail

/// The rule of type R of a chain that has one.
template <class R, class Head, class... Tail>
MANGO_HOST_DEVICE constexpr const R& rule_of(const chain_t<Head, Tail...>& c) {
  if constexpr (std::is_same_v<R, Head>) return c.head;
  else return rule_of<R>(c.tail);
}

/// Composes rules, first to last. Chains flatten: chain(chain(a, b), c) is chain(a, b, c), and chain() is the unit.
/// Rules that measure (clip_by_global_norm) come first.
template <class... R> constexpr auto chain(const R&... rules) {
  if constexpr ((detail::check_link<R>() && ...)) {
    using joined = decltype(detail::flatten(rules...));
    static_assert(detail::measured_first(joined{}),
                  "mango: a rule that measures all gradients (clip_by_global_norm) stands before every other rule of "
                  "its chain: it measures the gradient as it arrives; see docs/extending.md#measured-rules");
    return detail::flatten(rules...);
  } else {
    return detail::invalid{};
  }
}

}  // namespace mango
