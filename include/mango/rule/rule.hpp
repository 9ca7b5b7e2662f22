#pragma once
// What a rule is: what happens to one number. The vocabulary, the concepts, and the messages when one is not met.
#include <array>
#include <concepts>
#include <utility>

#include "mango/core/math.hpp"
#include "mango/rule/hyperparameter.hpp"

namespace mango::inline MANGO_ABI {

/// One number of state per parameter: its name in checkpoints, and its range.
struct slot {
  const char* name;
  range values = range::any;
};

/// What a rule may know when it folds its hyperparameters into the constants of one step.
struct step_info {
  std::int64_t t = 1;         ///< updates of this tensor, counting this one: the t of bias correction
  std::int64_t step = 1;      ///< steps of the optimizer, counting this one: the clock of schedules
  double learning_rate = -1;  ///< given by the caller for this step; negative: the rule's own schedule decides
  double squared_norm = 0;    ///< of the scaled gradient over all tensors, when a rule asked for it
  double distance = 1;        ///< what Prodigy multiplies the gradient and the rate with: its d
  double b2 = -1;             ///< what a rule chose for the second moment's average; negative: its own
  double weights = 1;         ///< sum of those that an accumulated gradient's terms have, counting this step's
};

/// Declares its state: `static constexpr std::array slots{...}`.
template <class R> concept has_slots = requires { std::tuple_size<std::remove_cvref_t<decltype(R::slots)>>::value; };
/// Folds its hyperparameters: `frame fold(const step_info&) const`.
template <class R> concept has_frame = requires(const R r, const step_info& s) {
  { r.fold(s) } -> std::same_as<typename R::frame>;
};

/// How many numbers per parameter a rule or chain keeps.
template <class R>
inline constexpr int slot_count = static_cast<int>(std::tuple_size_v<std::remove_cvref_t<decltype(R::slots)>>);

/// A rule may list its hyperparameters: `template <class F> void hyperparameters(F&& f) const` calls f(name, value,
/// interval) for each number and f(name, word) for each choice. Optimizers check them before anything else happens, and
/// describe() prints them.
template <class R> concept listed_rule = requires(const R r) { r.hyperparameters(check_hyperparameter{}); };

namespace detail {
// apply(k, u, [p,] slot&...) exists for numbers of type T
template <class R, class T, class... P> consteval bool applies() {
  return []<std::size_t... I>(std::index_sequence<I...>) {
    return requires(const typename R::frame& k, T s) {
      { R::apply(k, T{}, P{}..., ((void)I, s)...) } -> std::same_as<T>;
    };
  }
  (std::make_index_sequence<slot_count<R>>{});
}
// the same of steer(k, u, x, slot&...)
template <class R, class T> consteval bool steers() {
  return []<std::size_t... I>(std::index_sequence<I...>) {
    return requires(const typename R::frame& k, T s) {
      { R::steer(k, T{}, T{}, ((void)I, s)...) } -> std::same_as<T>;
    };
  }
  (std::make_index_sequence<slot_count<R>>{});
}
}  // namespace detail

/// A rule that sees the update alone: `static T apply(const frame&, T u, T& slot...)`.
template <class R> concept gradient_rule = has_slots<R> && has_frame<R> && detail::applies<R, float>();
/// A rule that sees the parameter too: `static T apply(const frame&, T u, T p, T& slot...)`.
template <class R> concept parameter_rule = has_slots<R> && has_frame<R> && detail::applies<R, float, float>();
/// A rule that sees, beside the update, what momentum was made of: `static T steer(const frame&, T u, T x, T&
/// slot...)`. x is u as it came to the last rule before it with `static constexpr bool takes_input = true` (momentum
/// and averages of the gradient), or the gradient as it enters the chain.
template <class R> concept steering_rule = has_slots<R> && has_frame<R> && detail::steers<R, float>();
/// One of them. T is float, or a template parameter: then the host runs a whole packet through it at once.
template <class R> concept update_rule = gradient_rule<R> || parameter_rule<R> || steering_rule<R>;
/// Whether x is u as it comes to R.
template <class R> inline constexpr bool takes_input = requires { requires R::takes_input; };
/// A rule that needs the norm of all gradients before the first is applied: one more pass over them. What it makes of
/// the norm is a factor for every gradient of the step, which joins the gradient scale and costs nothing per element.
template <class R> concept measured_rule = update_rule<R> && requires(const R r, const step_info& s) {
  { r.measures() } -> std::same_as<bool>;
  { r.scale(s) } -> std::same_as<double>;
};

/// What a rule needs to know of a whole tensor before it is applied to any of its numbers. Finding out is a survey: one
/// more pass over the tensor, which writes neither p nor any other rule's slots.
///   state       its own slots, complete: `prepare` writes them in the survey, and `apply` takes them by value
///   update      sums over the tensor of products of what arrives here: u, x and (of a parameter_rule) p
///   parameter   the same of p alone, which is known earlier
enum class survey : std::uint8_t { none, state, update, parameter };

/// Factors of the products that a survey sums in double: a[k] b[k].
template <class T, int N> struct products {
  static constexpr int count = N;
  T a[static_cast<std::size_t>(N)], b[static_cast<std::size_t>(N)];
};
template <class T> struct products<T, 0> {};
/// Such sums over a tensor, and how many numbers it has.
template <int N> struct sums_of_products {
  double sum[static_cast<std::size_t>(N)];
  double elements;
};

/// A rule that needs such sums: `static constexpr survey needs`, `static products<T, N> observe(const frame&, T u, T x,
/// T p)`, `bool observes() const` (false: not as configured, and nothing is summed), and `void settle(frame&, const
/// sums_of_products<N>&) const` between the survey and the rest.
template <class R>
concept settled_rule = update_rule<R> &&(R::needs == survey::update || R::needs == survey::parameter) &&
                       requires(const R r, typename R::frame& k) {
  { r.observes() } -> std::same_as<bool>;
  R::observe(k, 0.0f, 0.0f, 0.0f);
};
/// A rule whose slots are written from u before the first of them is used: `static void prepare(const frame&, T u, T&
/// slot...)`.
template <class R> concept prepared_rule = update_rule<R> && R::needs == survey::state;

/// A rule whose update ends in a constant: `static float factor(const frame&)`, and `apply_unscaled`, which is `apply`
/// without it. The division and the square root of a step leave little time for multiplications.
template <class R> concept scaling_rule = update_rule<R> && requires(const typename R::frame& k) {
  { R::factor(k) } -> std::same_as<float>;
};
/// A rule that multiplies u by a constant first: `static void absorb(frame&, float factor)` multiplies the constant. It
/// takes over the factor of the rule before it.
template <class R> concept absorbing_rule = update_rule<R> && requires(typename R::frame& k) { R::absorb(k, 1.0f); };

/// Explains, in one message, the first thing that keeps R from being a rule.
template <class R> consteval bool check_rule() {
  if constexpr (!has_slots<R>)
    static_assert(has_slots<R>,
                  "mango: a rule declares 'static constexpr std::array slots{mango::slot{\"m\"}};' "
                  "(std::array<mango::slot, 0> if it keeps no state); see docs/extending.md#rule");
  else if constexpr (!has_frame<R>)
    static_assert(has_frame<R>,
                  "mango: a rule declares 'struct frame' and 'frame fold(const mango::step_info&) const'; "
                  "see docs/extending.md#rule");
  else if constexpr (!update_rule<R>)
    static_assert(update_rule<R>,
                  "mango: a rule declares 'static float apply(const frame&, float u, float& slot...)' with one float& "
                  "per entry of 'slots' (add 'float p' after u to read the parameter); see docs/extending.md#rule");
  return update_rule<R>;
}

}  // namespace mango
