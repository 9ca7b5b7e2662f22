#pragma once
// The words every other file uses: index_t, bfloat16, float16, dtype.
#include <concepts>
#include <cstddef>
#include <cstdint>

#include "mango/core/config.hpp"

namespace mango::inline MANGO_ABI {

/// Sizes and positions: signed and 64 bits wide, so that tensors of more than 2^32 elements are ordinary.
using index_t = std::ptrdiff_t;

/// The upper half of an IEEE float. Layout-compatible with Eigen::bfloat16, __nv_bfloat16 and std::bfloat16_t; it has
/// no arithmetic: it is read into and rounded from float (core/round.hpp).
struct bfloat16 {
  std::uint16_t bits = 0;
  friend constexpr bool operator==(bfloat16, bfloat16) = default;
};

/// An IEEE half: 11 bits of precision, but no more than 65504 and nothing below 6e-8. It has no arithmetic: it is read
/// into and rounded from float (core/half.hpp).
struct float16 {
  std::uint16_t bits = 0;
  friend constexpr bool operator==(float16, float16) = default;
};

/// Either of the two numbers of 16 bits.
template <class E> concept half = std::same_as<E, bfloat16> || std::same_as<E, float16>;

/// The element types that memory is made of: a parameter, a gradient, or one part of a stored state.
enum class dtype : std::uint8_t { f32, bf16, u8, f16, f64 };

/// Which values a slot takes: a second moment is never negative, so a quantised store gives it another code table.
enum class range : std::uint8_t { any, nonnegative };

/// How a number is stored where fewer bits are kept than it has: a parameter of 16 bits without an fp32 master, or
/// the codes of a quantised slot.
///   stochastic  as one of its two neighbours, by chance, so that the mean of what is read is what was written; no
///               extra memory
///   kahan       to nearest, the rest kept in a bfloat16 compensation: 2 bytes of state per parameter
///   nearest     to nearest, the rest lost: small updates vanish, and a slowly moving average stops moving
enum class rounding : std::uint8_t { stochastic, kahan, nearest };

/// Bytes of one element.
constexpr index_t size_of(dtype t) { return t == dtype::f64 ? 8 : t == dtype::f32 ? 4 : t == dtype::u8 ? 1 : 2; }

/// The name safetensors gives to the type: "F32", "BF16", "U8", "F16", "F64".
constexpr const char* name_of(dtype t) {
  constexpr const char* names[] = {"F32", "BF16", "U8", "F16", "F64"};
  return names[static_cast<int>(t)];
}

namespace detail {
template <class T> struct dtype_traits;
template <> struct dtype_traits<float> { static constexpr dtype value = dtype::f32; };
template <> struct dtype_traits<bfloat16> { static constexpr dtype value = dtype::bf16; };
template <> struct dtype_traits<float16> { static constexpr dtype value = dtype::f16; };
template <> struct dtype_traits<std::uint8_t> { static constexpr dtype value = dtype::u8; };
}  // namespace detail

/// dtype_of<float> == dtype::f32, and so on.
template <class T> inline constexpr dtype dtype_of = detail::dtype_traits<T>::value;

}  // namespace mango
