#pragma once
// Surveys: passes over a tensor before the one that moves it, for rules that must know something of all its numbers.
#include "mango/rule/chain.hpp"

namespace mango::inline MANGO_ABI::detail {

template <class R> constexpr survey need_of() {
  if constexpr (prepared_rule<R> || settled_rule<R>) return R::needs;
  else return survey::none;
}

// In which survey each rule gets what it needs. A survey is as early as the results of others allow, and sums for one
// rule; so Adafactor's three needs take two: its state together with the parameter's size, then the update's.
template <std::size_t N> struct survey_plan {
  survey needs[N + 1] = {};
  bool reads[N + 1] = {};                 // whether the rule looks at p
  int at[N + 1] = {}, slots[N + 1] = {};  // of each rule: its survey, and where its slots start
  int count = 0;

  // the last rule that survey `s` runs u up to; -1 if it looks at p alone
  constexpr int last(int s) const {
    int found = -1;
    for (std::size_t i = 0; i < N; ++i)
      if ((needs[i] == survey::state || needs[i] == survey::update) && at[i] == s) found = static_cast<int>(i);
    return found;
  }
  // how many slots it loads: those of the rules up to there
  constexpr int slots_of(int s) const {
    const int i = last(s);
    if (i < 0) return 0;
    return slots[needs[i] == survey::state ? i + 1 : i];
  }
  // which pass writes a slot: the survey of a rule that needs its state, or the one that moves p
  constexpr int writer(int slot) const {
    for (std::size_t i = 0; i < N; ++i)
      if (slot >= slots[i] && slot < slots[i + 1]) return needs[i] == survey::state ? at[i] : count;
    return count;
  }
  // whether a rule before that one looks at p, or that one while it observes
  constexpr bool reads_parameter(int s) const {
    for (int i = 0; i <= last(s); ++i)
      if (reads[i] && (i < last(s) || needs[i] == survey::update)) return true;
    return false;
  }
  constexpr bool looks_at(int s, survey what) const {
    for (std::size_t i = 0; i < N; ++i)
      if (needs[i] == what && at[i] == s) return true;
    return false;
  }
};

template <class... R> constexpr auto plan_surveys() {
  survey_plan<sizeof...(R)> plan{{need_of<R>()..., survey::none}, {parameter_rule<R>..., false}};
  const int each[] = {slot_count<R>..., 0};
  bool taken[sizeof...(R) + 1] = {};  // surveys that sum for a rule
  const auto free_from = [&](int s) {
    while (taken[s]) ++s;
    taken[s] = true;
    return s;
  };
  for (std::size_t i = 0; i < sizeof...(R); ++i) {
    plan.slots[i + 1] = plan.slots[i] + each[i];
    if (plan.needs[i] == survey::none) continue;
    const int s = plan.needs[i] == survey::state    ? plan.count
                  : plan.needs[i] == survey::update ? free_from(plan.count)
                                                    : free_from(0);
    plan.at[i] = s;
    plan.count = s < plan.count ? plan.count : s + 1;
  }
  return plan;
}

/// How a chain is surveyed; `count` is 0 for most. The pass after the last survey moves the parameter. Of every pass:
/// whether it loads p, and how often a slot crosses the memory bus.
template <class Chain> struct surveys {
  static constexpr int count = 0;
  static constexpr bool loads_parameter(int) { return true; }
  static constexpr int times_moved(int, int) { return 2; }
};
template <class... R>
requires((need_of<R>() != survey::none) || ...) struct surveys<chain_t<R...>> {
  static constexpr auto plan = plan_surveys<R...>();
  static constexpr int count = plan.count;
  static constexpr bool loads_parameter(int pass) {
    return pass == count || plan.looks_at(pass, survey::parameter) || plan.reads_parameter(pass);
  }
  static constexpr int times_moved(int pass, int slot) {
    if (pass < count && slot >= plan.slots_of(pass)) return 0;
    return plan.writer(slot) == pass ? 2 : 1;
  }
};

// how many sums the rule of survey S asks for; 0: it only prepares
template <class R> constexpr int products_of() {
  if constexpr (settled_rule<R>)
    return static_cast<int>(sizeof(R::observe({}, 0.0f, 0.0f, 0.0f)) / (2 * sizeof(float)));
  else return 0;
}
template <class R> inline constexpr int product_count = products_of<R>();  // device code calls nothing of the host's
template <class... R> constexpr int products_in(const chain_t<R...>*, const survey_plan<sizeof...(R)>& plan, int s) {
  const int each[] = {product_count<R>..., 0};
  for (std::size_t i = 0; i < sizeof...(R); ++i)
    if (each[i] > 0 && plan.at[i] == s) return each[i];
  return 0;
}

/// Survey number S as a chain of its own: it writes what it prepares, and returns what is to be summed.
template <class Chain, int S> struct surveying {
  using frame = typename Chain::frame;
  static constexpr auto plan = surveys<Chain>::plan;
  static constexpr int last = plan.last(S);  // rule that u is run up to
  static constexpr int sums = products_in(static_cast<const Chain*>(nullptr), plan, S);
  static constexpr bool prepares = plan.looks_at(S, survey::state);
  static constexpr bool reads_parameter = plan.reads_parameter(S);
  static constexpr bool looks_at_parameter = plan.looks_at(S, survey::parameter);
  static constexpr auto slots = [] {
    std::array<slot, static_cast<std::size_t>(plan.slots_of(S))> first{};
    for (int i = 0; i < plan.slots_of(S); ++i)
      first[static_cast<std::size_t>(i)] = Chain::slots[static_cast<std::size_t>(i)];
    return first;
  }();

  template <int, class T, std::size_t N> MANGO_HD static products<T, sums> run(const frame& k, T u, T p, T (&s)[N]) {
    products<T, sums> seen;
    visit<0>(static_cast<const Chain*>(nullptr), k, u, u, p, s, seen);
    return seen;
  }

 private:
  template <std::size_t I, class Head, class... Tail, class T, std::size_t N>
  MANGO_HD static void visit(const chain_t<Head, Tail...>*, const typename chain_t<Head, Tail...>::frame& k, T u, T x,
                             T p, T (&s)[N], products<T, sums>& seen) {
    constexpr auto slots_here = std::make_index_sequence<static_cast<std::size_t>(slot_count<Head>)>{};
    if constexpr (product_count<Head> != 0 && plan.at[I] == S) seen = Head::observe(k.head, u, x, p);
    if constexpr (static_cast<int>(I) <= last) {
      if constexpr (plan.needs[I] == survey::state && plan.at[I] == S)
        prepare<Head, plan.slots[I]>(k.head, u, s, slots_here);
      // the next rule has taken over the factor, if it is run
      constexpr bool unscaled = chain_t<Head, Tail...>::unscaled && static_cast<int>(I) + 1 < last;
      if constexpr (static_cast<int>(I) < last) u = link<Head, plan.slots[I], unscaled>(k.head, u, x, p, s, slots_here);
    }
    visit<I + 1>(static_cast<const chain_t<Tail...>*>(nullptr), k.tail, u, x, p, s, seen);
  }
  template <std::size_t I, class T, std::size_t N>
  MANGO_HD static void visit(const chain_t<>*, const chain_t<>::frame&, T, T, T, T (&)[N], products<T, sums>&) {}
  template <class R, int At, class T, std::size_t N, std::size_t... I>
  MANGO_HD static void prepare(const typename R::frame& k, T u, T (&s)[N], std::index_sequence<I...>) {
    R::prepare(k, u, s[At + static_cast<int>(I)]...);
  }
};

/// Whether a rule, as configured, wants the sums that survey S can find.
template <class Whole, int S, std::size_t I = 0, class Head, class... Tail>
MANGO_HOST_DEVICE bool observes_survey(const chain_t<Head, Tail...>& c) {
  if constexpr (settled_rule<Head>)
    if (surveys<Whole>::plan.at[I] == S && c.head.observes()) return true;
  if constexpr (sizeof...(Tail) > 0) return observes_survey<Whole, S, I + 1>(c.tail);
  else return false;
}
/// The rule that does folds them into its constants.
template <class Whole, int S, std::size_t I = 0, class Head, class... Tail>
MANGO_HOST_DEVICE void settle_survey(const chain_t<Head, Tail...>& c, typename chain_t<Head, Tail...>::frame& k,
                                     const double* sums, double elements) {
  if constexpr (settled_rule<Head>)
    if (surveys<Whole>::plan.at[I] == S && c.head.observes()) {
      sums_of_products<product_count<Head>> found;
      for (int i = 0; i < product_count<Head>; ++i) found.sum[i] = sums[i];
      found.elements = elements;
      c.head.settle(k.head, found);
    }
  if constexpr (sizeof...(Tail) > 0) settle_survey<Whole, S, I + 1>(c.tail, k.tail, sums, elements);
}

}  // namespace mango
