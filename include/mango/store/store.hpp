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

/// One store per slot, in the order of the chain's slots: `stores<fp32, bf16>` keeps Adam's m in fp32 and v in bf16.
template <store... S> struct stores {
  static constexpr int count = static_cast<int>(sizeof...(S));
  static constexpr double bits = (0.0 + ... + S::bits);
};

}  // namespace mango
