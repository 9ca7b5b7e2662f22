#pragma once
// A rule that a configuration switches on or off.
#include "mango/rule/rule.hpp"

namespace mango::inline MANGO_ABI {

/// The rule, or nothing: u passes through, and a survey that only this rule needs is not run. Whether it is on is the
/// same for all numbers of a tensor, so it costs one predicted branch per packet.
/// For rules without slots; a slot takes memory whether it is used or not.
template <update_rule Rule> struct switched {
  bool on = false;
  Rule rule;

  static constexpr std::array<slot, 0> slots{};
  static_assert(slot_count<Rule> == 0, "mango: only a rule without slots can be switched off at run time");
  static constexpr survey needs = [] {
    if constexpr (settled_rule<Rule>) return Rule::needs;
    else return survey::none;
  }();
  struct frame {
    typename Rule::frame of;
    bool on;
  };
  MANGO_HOST_DEVICE frame fold(const step_info& s) const { return {rule.fold(s), on}; }
  MANGO_HOST_DEVICE bool observes() const requires settled_rule<Rule> { return on && rule.observes(); }
  template <class T> MANGO_HD static auto observe(const frame& k, T u, T x, T p) requires settled_rule<Rule> {
    return Rule::observe(k.of, u, x, p);
  }
  template <class Sums> MANGO_HOST_DEVICE void settle(frame& k, const Sums& s) const requires settled_rule<Rule> {
    rule.settle(k.of, s);
  }
  template <class F> void hyperparameters(F&& f) const {
    f(Rule::name, on ? "yes" : "no");
    rule.hyperparameters(f);
  }
  template <class T>
  requires gradient_rule<Rule> MANGO_HD static T apply(const frame& k, T u) { return k.on ? Rule::apply(k.of, u) : u; }
  template <class T>
  requires parameter_rule<Rule> MANGO_HD static T apply(const frame& k, T u, T p) {
    return k.on ? Rule::apply(k.of, u, p) : u;
  }
  template <class T>
  requires steering_rule<Rule> MANGO_HD static T steer(const frame& k, T u, T x) {
    return k.on ? Rule::steer(k.of, u, x) : u;
  }
};

}  // namespace mango
