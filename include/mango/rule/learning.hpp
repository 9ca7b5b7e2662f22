#pragma once
// Learning rules: what a step finds out about a whole tensor, for the steps after it. Nothing waits for what they find.
#include "mango/rule/chain.hpp"

namespace mango::inline MANGO_ABI {

/// Which tensors share what a rule has learned.
enum class pool : std::uint8_t { all, group, shape, tensor };

/// "all", "group", "shape" or "tensor".
constexpr const char* name_of(pool p) {
  constexpr const char* names[] = {"all", "group", "shape", "tensor"};
  return names[static_cast<int>(p)];
}

/// A rule that remembers numbers of every tensor from step to step. They are state: zero at first, in checkpoints under
/// `memory_name`, 8 bytes each.
///   struct memory { double ...; };  static constexpr std::array remembered{"d", ...};  the name of each
///   void inform(step_info&, const memory&) const        what other rules may know, before they fold
///   void learn(memory&, const step_info&, const double* sums) const        after the tensor has moved
template <class R>
concept learning_rule = update_rule<R> && requires(const R r, step_info& s, typename R::memory& m, const double* sums) {
  R::remembered.size();
  r.inform(s, m);
  r.learn(m, s, sums);
};
/// One that looks at the tensor before it is moved; on a host so much at a time that it is still in cache then:
///   static constexpr int sums;  static void observe(const frame&, const Numbers&, double* sums)        adds to them
/// Numbers are those of one caller: begin and end of their range, and of the indices that a multiple of `every` leads
/// to, j = of.first(every), j + of.stride(), ... while j every < end are its own (a device has many threads).
/// of.p(i) is the parameter, of.u(i, p) what comes to the rule, of.slice(k) an array of sliced ones.
///   of.each(every, sums, f)      for all of them f(at, p, u), several at a time where the host has packets, `at` their
///                                place in sliced arrays; it returns products<T, N>, which are added to N sums
///   bool observes() const        optional; false: not as configured, and nothing is looked at
template <class R> concept observing_rule = learning_rule<R> && R::sums >
0;
/// One with arrays of its own that have a number for every `slice()`th of the tensor's:
///   static constexpr std::array sliced{"p0", ...};  std::int64_t slice() const
template <class R> concept slicing_rule = observing_rule<R> && requires(const R r) {
  R::sliced.size();
  { r.slice() } -> std::same_as<std::int64_t>;
};
/// One whose tensors learn together. Between two steps, over the tensors of a pool in order of registration:
///   struct pooled { double ...; };  mango::pool pooled_by() const
///   void gather(pooled&, const memory&) const;  void share(memory&, const pooled&) const
template <class R>
concept pooling_rule = learning_rule<R> && requires(const R r, typename R::pooled& all, typename R::memory& m) {
  { r.pooled_by() } -> std::same_as<pool>;
  r.gather(all, m);
  r.share(m, all);
};

namespace detail {

template <class R> constexpr int memory_of() {
  if constexpr (learning_rule<R>) {
    static_assert(sizeof(typename R::memory) == R::remembered.size() * sizeof(double),
                  "mango: a learning rule's memory is one double for every name in `remembered`");
    return static_cast<int>(R::remembered.size());
  } else return 0;
}
template <class R> constexpr int sums_of() {
  if constexpr (observing_rule<R>) return R::sums;
  else return 0;
}
template <class R> constexpr int sliced_of() {
  if constexpr (slicing_rule<R>) return static_cast<int>(R::sliced.size());
  else return 0;
}
// doubles that a pool gathers
template <class R> constexpr int pooled_of() {
  if constexpr (pooling_rule<R>) return static_cast<int>(sizeof(typename R::pooled) / sizeof(double));
  else return 0;
}

/// What the rules of a chain remember, observe and keep slices of, one after the other.
template <class Chain> struct learning;
template <class... R> struct learning<chain_t<R...>> {
  static constexpr int memory = (0 + ... + memory_of<R>()), sums = (0 + ... + sums_of<R>()),
                       sliced = (0 + ... + sliced_of<R>());
  static constexpr bool pools = (pooling_rule<R> || ...);
  static constexpr int pooled = (0 + ... + pooled_of<R>());  // enough for any one
};

/// f.template operator()<Rule, Memory, Sums, Sliced>(rule) for every rule that learns; the numbers are where its
/// memory, sums and slices start.
MANGO_EITHER_SIDE
template <int Memory = 0, int Sums = 0, int Sliced = 0, class Head, class... Tail, class F>
MANGO_HOST_DEVICE void each_learning(const chain_t<Head, Tail...>& c, const F& f) {
  if constexpr (learning_rule<Head>) f.template operator()<Head, Memory, Sums, Sliced>(c.head);
  if constexpr (sizeof...(Tail) > 0)
    each_learning<Memory + memory_of<Head>(), Sums + sums_of<Head>(), Sliced + sliced_of<Head>()>(c.tail, f);
}

/// u as it comes to rule R: only rules without slots may stand before a rule that observes.
template <class R, class Head, class... Tail, class T>
MANGO_HD T before(const chain_t<Head, Tail...>*, const typename chain_t<Head, Tail...>::frame& k, T u, T p) {
  if constexpr (std::is_same_v<Head, R>) return u;
  else {
    static_assert(slot_count<Head> == 0,
                  "mango: a rule that observes (Prodigy's distance, Kourkoutas) stands before rules with slots");
    T none[1] = {}, x = u;
    u = link<Head, 0, false>(k.head, u, x, p, none, std::index_sequence<>{});
    return before<R>(static_cast<const chain_t<Tail...>*>(nullptr), k.tail, u, p);
  }
}

}  // namespace detail
}  // namespace mango
