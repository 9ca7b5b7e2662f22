#pragma once
// What a store is: how one slot lives in memory.
#include <array>
#include <concepts>

#include "mango/core/access.hpp"
#include "mango/core/shape.hpp"

namespace mango::inline MANGO_ABI {

/// A named array inside a store's memory, as checkpoints and bytes() see it. Every part starts at "decodes to 0": its
/// bytes are `fill`, 0 unless a code table has its zero elsewhere.
struct part {
  const char* name;
  dtype type;
  std::uint8_t fill = 0;
};

/// An element-wise store: every number of the slot has memory of its own.
///   name        what factories and describe() call it
///   bits        per number of the slot
///   parts       the arrays it is made of
///   elements    how many elements part k has for a tensor of this shape
///   view, bind  typed pointers, made from one address per part
///   rounds      whether save() needs random bits
///   load, save  at any position (core/access.hpp); `noise` holds 16 random bits per lane, for stores that round
template <class S> concept store = requires(typename S::view v, std::byte* const* at, const shape& s, one i) {
  { S::name } -> std::convertible_to<const char*>;
  { S::bits } -> std::convertible_to<double>;
  { S::parts.size() } -> std::convertible_to<std::size_t>;
  { S::elements(0, s) } -> std::same_as<index_t>;
  { S::bind(at) } -> std::same_as<typename S::view>;
  { S::rounds } -> std::convertible_to<bool>;
  { S::load(v, i) } -> std::same_as<float>;
  S::save(v, i, 0.0f, std::uint32_t{});
};

/// A store whose numbers share a scale, `block` of them at a time. It is read and written one block after the other, by
/// a team (pass/team.hpp) whose members hold the block's numbers between them; see store/blockwise.hpp.
template <class S> concept block_store = requires(std::byte* const* at, const shape& s) {
  { S::block } -> std::convertible_to<int>;
  { S::bits } -> std::convertible_to<double>;
  { S::elements(0, s) } -> std::same_as<index_t>;
  { S::bind(at) } -> std::same_as<typename S::view>;
  { S::rounds } -> std::convertible_to<bool>;
};

/// A store that keeps a matrix as the product of a column and a row (store/factored.hpp).
template <class S> concept factored_store = requires {
  { S::factored } -> std::convertible_to<bool>;
  { S::has_signs } -> std::convertible_to<bool>;
};

namespace detail {
template <class S, range R> struct bind_range { using type = S; };
template <class S, range R>
requires requires { typename S::template of<R>; }
struct bind_range<S, R> {
  using type = typename S::template of<R>;
};
}  // namespace detail

/// What a store is for a slot of this range: a family has `template <range R> using of`, anything else is itself.
template <class S, range R> using bound_store = typename detail::bind_range<S, R>::type;

/// What may stand in stores<...>.
template <class S>
concept any_store = store<bound_store<S, range::any>> || block_store<bound_store<S, range::any>> ||
    factored_store<bound_store<S, range::any>>;

/// One store per slot, in the order of the chain's slots: `stores<fp32, bf16>` keeps Adam's m in fp32 and v in bf16.
template <any_store... S> struct stores { static constexpr int count = static_cast<int>(sizeof...(S)); };

}  // namespace mango
