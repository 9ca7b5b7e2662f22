#pragma once
// Arrays as codes and scales: for weights that are stored, and for whoever wants a store's format without a step.
#include <span>

#include "mango/core/stream.hpp"
#include "mango/store/blockwise.hpp"
#include "mango/store/dynamic_map.hpp"

namespace mango::inline MANGO_ABI {

namespace detail {
template <class S> struct to_nearest;
template <class Map, int Block, rounding R> struct to_nearest<blockwise<Map, Block, R>> {
  using type = blockwise<Map, Block, rounding::nearest>;
};
}  // namespace detail

/// The format of a store or a family (which then takes both signs), rounded to nearest: what is written once needs no
/// random bits.
template <class Store> using format_of = typename detail::to_nearest<bound_store<Store, range::any>>::type;

/// The scales of blocks, themselves in blocks of 256 signed dynamic 8-bit codes of their distance from `offset`:
/// 0.127 bits per weight at 64 weights per scale, where fp32 scales take 0.5. Dettmers et al. 2023, section 3,
/// arXiv:2305.14314 ("double quantization").
struct nested_scales {
  std::span<const std::uint8_t> codes;
  std::span<const float> scales;
  float offset = 0;

  using format = blockwise<dynamic_map<true>, 256, rounding::nearest>;
};

namespace detail {
struct alone {  // the team of one that store/ may know of
  static int rank() { return 0; }
  static float max(float x) { return x; }
};

struct coded_array {
  const char* what;
  const void* data;
  index_t count, expected, unit;
  std::uintptr_t begin() const { return reinterpret_cast<std::uintptr_t>(data); }
  std::uintptr_t end() const { return begin() + static_cast<std::uintptr_t>(count * unit); }
};
template <class T> coded_array array_of(const char* what, std::span<T> s, index_t expected) {
  return {what, static_cast<const void*>(s.data()), static_cast<index_t>(s.size()), expected, index_t{sizeof(T)}};
}
// Each as large as it must be, not null, aligned, and none shares a byte with another
__attribute__((noinline)) inline void check_arrays(std::initializer_list<coded_array> arrays) {
  for (const coded_array& a : arrays) {
    if (a.count != a.expected)
      raise(errc::size, "{word} have {got} elements, expected {expected}", a.expected, a.count, {}, a.what);
    if (a.count > 0 && !a.data)
      raise(errc::null_span, "{word} are a null pointer with {expected} elements", a.expected, 0, {}, a.what);
    if (const auto past = static_cast<index_t>(a.begin()) % a.unit; past != 0)
      raise(errc::misaligned_span, "{word} start {got} bytes past a multiple of {expected}", a.unit, past, {}, a.what);
  }
  for (const coded_array* a = arrays.begin(); a != arrays.end(); ++a)
    for (const coded_array* b = arrays.begin(); b != a; ++b)
      if (a->begin() < b->end() && b->begin() < a->end())
        raise(errc::overlap, "{word} and {other} share memory", 0, 0, {}, b->what, a->what);
}
}  // namespace detail

/// Writes x as codes and scales of `Store`, for example nf4<64>, and returns how many numbers were NaN or infinite:
/// those are stored as 0 and do not count for their block's scale. Raises errc::size unless there are
/// format_of<Store>::code_bytes(n) codes and format_of<Store>::scales(n) scales, and errc::null_span,
/// errc::misaligned_span or errc::overlap for arrays that are no arrays.
template <class Store>
index_t quantise(std::span<const float> x, std::span<std::uint8_t> codes, std::span<float> scales) {
  using format = format_of<Store>;
  constexpr auto block = static_cast<index_t>(format::block);
  const auto n = static_cast<index_t>(x.size());
  detail::check_arrays({detail::array_of("the numbers", x, n),
                        detail::array_of("the codes", codes, format::code_bytes(n)),
                        detail::array_of("the scales", scales, format::scales(n))});
  index_t nonfinite = 0;
  for (index_t at = 0; at < n; at += block) {
    const int here = n - at < block ? static_cast<int>(n - at) : format::block;
    std::uint8_t* const to = codes.data() + format::code_bytes(at);
    nonfinite += format::template save_floats<format::block>(detail::alone{}, scales.data() + at / block, to, here,
                                                             x.data() + at, nullptr);
  }
  return nonfinite;
}

}  // namespace mango
