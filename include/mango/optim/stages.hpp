#pragma once
// What each pass of a step is made of: its chain, its stores, and where its results go. One pass for most chains; where
// rules need surveys, those first.
#include "mango/pass/observe.hpp"
#include "mango/rule/survey.hpp"

namespace mango::inline MANGO_ABI::detail {

template <class... S> struct store_list {};

// the first stores of a chain, each writable in the one pass that writes its slot
template <class Plan, int Pass, int Slot, int End, class List, class... S> struct stage_stores { using type = List; };
template <class Plan, int Pass, int Slot, int End, class... Done, class S, class... Rest>
requires(Slot < End) struct stage_stores<Plan, Pass, Slot, End, store_list<Done...>, S, Rest...> {
  using own = std::conditional_t<Plan::plan.writer(Slot) == Pass, S, read_only<S>>;
  using type = typename stage_stores<Plan, Pass, Slot + 1, End, store_list<Done..., own>, Rest...>::type;
};

/// Pass number `Pass` of a step, the one that moves the parameter: the only one of a chain without surveys.
template <class Chain, int Pass, class... S> struct stage {
  using list = store_list<S...>;
  static constexpr bool writes = true;
};
template <class Chain, int Pass, class... S>
requires(surveys<Chain>::count == Pass && Pass > 0) struct stage<Chain, Pass, S...> {
  static constexpr bool writes = true;
  using list = typename stage_stores<surveys<Chain>, Pass, 0, static_cast<int>(sizeof...(S)), store_list<>, S...>::type;
};
/// A survey.
template <class Chain, int Pass, class... S>
requires(surveys<Chain>::count > Pass) struct stage<Chain, Pass, S...> {
  using chain = surveying<Chain, Pass>;
  using list = typename stage_stores<surveys<Chain>, Pass, 0, slot_count<chain>, store_list<>, S...>::type;
  static constexpr bool writes = chain::prepares;
  template <class Target> static auto aim([[maybe_unused]] const Target& to, double* sums, bool observes) {
    double* const where = observes ? sums : nullptr;
    if constexpr (surveys<Chain>::loads_parameter(Pass))
      return observing<decltype(parameter_of(to)), chain::sums>{
          parameter_of(to), where, chain::reads_parameter || (chain::looks_at_parameter && observes)};
    else return observing<no_parameter, chain::sums>{{}, where, false};
  }
};

/// f.template operator()<Pass>() for the pass of this number.
template <int Last, int First = 0, class F> void with_pass([[maybe_unused]] int pass, const F& f) {
  if constexpr (First == Last) f.template operator()<First>();
  else if (pass == First) f.template operator()<First>();
  else with_pass<Last, First + 1>(pass, f);
}

}  // namespace mango
