#pragma once
// What a safetensors file is made of: element types, tensors, and how much there may be of everything.
#include <span>
#include <string>
#include <vector>

#include "mango/core/error.hpp"

namespace mango::inline MANGO_ABI {

/// A type of elements, as files call it, and how many bits an element takes.
struct element_type {
  std::string_view name;
  int bits;
};

/// All that the format has.
inline constexpr element_type element_types[] = {
    {"F32", 32},    {"BF16", 16},   {"F16", 16},    {"F64", 64},        {"U8", 8},          {"I8", 8},
    {"U16", 16},    {"I16", 16},    {"U32", 32},    {"I32", 32},        {"U64", 64},        {"I64", 64},
    {"BOOL", 8},    {"F8_E4M3", 8}, {"F8_E5M2", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"F8_E8M0", 8},
    {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"F4", 4},      {"C64", 64}};

/// The type of that name; null when there is none.
inline const element_type* find_element_type(std::string_view name) {
  for (const auto& type : element_types)
    if (type.name == name) return &type;
  return nullptr;
}

/// What a header may have at most. Whatever needs more is refused before memory is taken for it.
struct safetensors_limits {
  static constexpr std::uint64_t header_bytes = 100'000'000;  ///< as the format says
  static constexpr std::size_t tensors = 1'000'000;
  static constexpr std::size_t dimensions = 8;
  static constexpr std::size_t name_bytes =
      4096;                                 ///< of a tensor's name or a metadata key, unescaped; values: no limit
  static constexpr std::size_t depth = 32;  ///< of objects and lists in each other
  /// Of memory for what is kept of a header, beyond as many bytes as the file has. Only thousands of empty tensors with
  /// 4 dimensions and more reach it: an extent of one digit takes 2 bytes there and 8 here.
  static constexpr std::size_t table_bytes = 44 * 1024;
};

/// A tensor of a file. It points into the header it is from.
struct safetensors_tensor {
  std::string_view name;
  const element_type* type;
  std::span<const std::uint64_t> shape;
  std::uint64_t begin, end;  ///< bytes within the data
};

/// A tensor to be written.
struct safetensors_entry {
  std::string name;
  std::string_view type;
  std::vector<std::uint64_t> shape;
};

/// What comes before the data of a new file, and where the data goes: entry i from byte begin[i] of the data on.
struct safetensors_layout {
  std::string prefix;  ///< the length of the header and the header, in all a multiple of 8 bytes
  std::vector<std::uint64_t> begin;
  std::uint64_t data_bytes = 0;
};

namespace detail {
// a number in an error, which has no larger ones
constexpr long long shown(std::uint64_t n) {
  return n > std::uint64_t{INT64_MAX} ? INT64_MAX : static_cast<long long>(n);
}

// The bytes that a tensor of a file takes. Zeros stay out of the product until the others are known to fit: so the
// order of extents does not decide whether [0, 2^63, 4] is refused (it is), and nobody who multiplies them overflows.
inline std::uint64_t data_bytes(const element_type& type, std::span<const std::uint64_t> shape, std::string_view name,
                                std::string_view file) {
  std::uint64_t bits = static_cast<std::uint64_t>(type.bits);
  bool empty = false;
  for (const auto extent : shape) {
    empty |= extent == 0;
    if (extent != 0 && __builtin_mul_overflow(bits, extent, &bits))
      raise(errc::shape_overflow, "{word}: the elements of tensor {subject} take more bits than 64 bits count",
            INT64_MAX, shown(extent), name, quoted(file));
  }
  if (empty) return 0;
  if (bits % 8 != 0)
    raise(errc::misaligned_subbyte,
          "{word}: the elements of tensor {subject} take {got} bits, which is no multiple of {expected}", 8,
          shown(bits), name, quoted(file));
  return bits / 8;
}
}  // namespace detail

}  // namespace mango
