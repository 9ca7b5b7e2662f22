#pragma once
// What may be handed in as a parameter or a gradient: anything with data() and size() over float, bfloat16 or float16,
// such as std::span, std::vector or an Eigen array.
#include <concepts>
#include <span>
#include <type_traits>

#include "mango/core/types.hpp"

namespace mango::inline MANGO_ABI::detail {

template <class R> concept contiguous = requires(R& r) {
  {*r.data()};
  { r.size() } -> std::convertible_to<std::size_t>;
};
template <class R> using raw_element = std::remove_pointer_t<decltype(std::declval<R&>().data())>;
template <class R> using element_of = std::remove_const_t<raw_element<R>>;
template <class T> concept number = std::same_as<T, float> || half<T>;

template <class R> std::span<raw_element<R>> view_of(R& r) { return {r.data(), static_cast<std::size_t>(r.size())}; }

// true, or one message for the first thing that is wrong with the types of a parameter and a gradient
template <class P, class G, bool Written = true> consteval bool check_elements() {
  if constexpr (!contiguous<P> || !contiguous<G>) {
    static_assert(contiguous<P> && contiguous<G>,
                  "mango: parameters and gradients are given as std::span, std::vector, or anything else that has "
                  "data() and size(); a bare pointer has no size: write std::span{pointer, count}");
    return false;
  } else if constexpr (!number<element_of<P>> || !number<element_of<G>>) {
    static_assert(number<element_of<P>> && number<element_of<G>>,
                  "mango: parameters and gradients are float, mango::bfloat16 or mango::float16; double and integers "
                  "have no optimizer here");
    return false;
  } else {
    static_assert(!Written || !std::is_const_v<raw_element<P>>,
                  "mango: the parameter is written to, so its span must not be const; update_into() takes a const one "
                  "and writes the step elsewhere");
    return !Written || !std::is_const_v<raw_element<P>>;
  }
}

}  // namespace mango
