#pragma once
// Arrays as codes and scales: for weights that are stored, and for whoever wants a store's format without a step.
#include <span>

#include "mango/core/stream.hpp"
#include "mango/store/blockwise.hpp"
#include "mango/store/dynamic_map.hpp"

namespace mango::inline MANGO_ABI {

namespace detail {
template <class S> struct to_nearest {
  static_assert(block_store<S>,
                "mango: quantise() and dequantise() take a "
                "store in blocks, such as nf4<64>");
};
template <class Map, int Block, rounding R, class Scale> struct to_nearest<blockwise<Map, Block, R, Scale>> {
  using type = blockwise<Map, Block, rounding::nearest, Scale>;
};
}  // namespace detail

/// The format of a store or a family (which then takes both signs), rounded to nearest: what is written once needs no
/// random bits.
template <class Store> using format_of = typename detail::to_nearest<bound_store<Store, range::any>>::type;
/// What its scales are: float or float16.
template <class Store> using scale_of = typename format_of<Store>::scale_type;

/// The scales of blocks, themselves in blocks of 256 signed dynamic 8-bit codes of their distance from `offset`: 0.127
/// bits per weight at 64 weights per scale, where fp32 scales take 0.5. Dettmers et al. 2023, section 3,
/// arXiv:2305.14314 ("double quantization").
struct nested_scales {
  std::span<const std::uint8_t> codes;
  std::span<const float> scales;
  float offset = 0;

  using format = blockwise<dynamic_map<true>, 256, rounding::nearest>;
};

namespace detail {
struct alone {  // the team of one that store/ may know of
  MANGO_HD static int rank() { return 0; }
  MANGO_HD static float max(float x) { return x; }
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
index_t quantise(std::span<const float> x, std::span<std::uint8_t> codes, std::span<scale_of<Store>> scales) {
  using format = format_of<Store>;
  constexpr auto block = static_cast<index_t>(format::block);
  const auto n = static_cast<index_t>(x.size());
  detail::check_arrays({detail::array_of("the numbers", x, n),
                        detail::array_of("the codes", codes, format::code_bytes(n)),
                        detail::array_of("the scales", scales, format::scales(n))});
  constexpr std::size_t run = format::block < 1024 ? 1024 / format::block : 1;  // blocks at a time
  constexpr index_t together = static_cast<index_t>(run) * block;
  index_t nonfinite = 0;
  for (index_t at = 0; at < n;) {
    auto* const scale = scales.data() + at / block;
    std::uint8_t* const to = codes.data() + format::code_bytes(at);
    if (n - at >= together && format::template save_blocks<run, 2048>(scale, to, x.data() + at, nullptr)) {
      at += together;
      continue;
    }
    const int here = n - at < block ? static_cast<int>(n - at) : format::block;
    nonfinite += format::template save_floats<format::block>(detail::alone{}, scale, to, here, x.data() + at, nullptr);
    at += block;
  }
  return nonfinite;
}

namespace detail {
enum class write : std::uint8_t { plain, quarters, aligned };  // through the caches, or around them (core/stream.hpp)

template <write How> MANGO_INLINE void put(float* to, packet x) {
  if constexpr (How == write::plain) mango::save(to, x);
  else stream<How == write::aligned>(to, x);
}

template <class Format, write How>
MANGO_INLINE void decode_blocks(const std::uint8_t* codes, const typename Format::scale_type* scales, float* out,
                                index_t n) {
  constexpr auto packets = static_cast<std::size_t>(Format::block / packet::lanes);
  index_t at = 0;
  for (; at + Format::block <= n; at += Format::block) {
    const std::uint8_t* const from = codes + Format::code_bytes(at);
    const packet scale(to_float(scales[at / Format::block]));
    for (std::size_t k = 0; k < packets; ++k)
      put<How>(out + at + static_cast<index_t>(k) * packet::lanes,
               Format::decode(load_codes<Format::map::bits>(from, k), scale));
  }
  if (at < n) {
    packet last[packets];
    Format::load(alone{}, {const_cast<std::uint8_t*>(codes), const_cast<typename Format::scale_type*>(scales)}, at,
                 static_cast<int>(n - at), last);
    std::memcpy(out + at, last, static_cast<std::size_t>(n - at) * sizeof(float));
  }
}

// Runs f(integral_constant of write): around the caches where the output would fill them
template <class F> void choose_write(const float* out, index_t n, F f) {
  const auto past = reinterpret_cast<std::uintptr_t>(out);
  if (n < (index_t{1} << 22) || past % 16 != 0) return f(std::integral_constant<write, write::plain>{});
  if (past % sizeof(packet) != 0) f(std::integral_constant<write, write::quarters>{});
  else f(std::integral_constant<write, write::aligned>{});
  stream_end();
}
}  // namespace detail

/// Reads n numbers back: value times scale, rounded. An output of 16 MiB and more is written around the caches. Raises
/// as quantise() does.
template <class Store>
void dequantise(std::span<const std::uint8_t> codes, std::span<const scale_of<Store>> scales, std::span<float> out) {
  using format = format_of<Store>;
  const auto n = static_cast<index_t>(out.size());
  detail::check_arrays({detail::array_of("the numbers", out, n),
                        detail::array_of("the codes", codes, format::code_bytes(n)),
                        detail::array_of("the scales", scales, format::scales(n))});
  detail::choose_write(out.data(), n, [&](auto how) {
    detail::decode_blocks<format, how()>(codes.data(), scales.data(), out.data(), n);
  });
}

/// Writes scales as nested_scales::format: codes of their distance from the mean, and returns the mean. Raises
/// errc::nonfinite for a scale that is NaN or infinite, which quantise() never writes, and else as quantise() does.
inline float quantise_scales(std::span<const float> scales, std::span<std::uint8_t> codes, std::span<float> outer) {
  using format = nested_scales::format;
  const auto n = static_cast<index_t>(scales.size());
  detail::check_arrays({detail::array_of("the scales", scales, n),
                        detail::array_of("the codes of the scales", codes, format::code_bytes(n)),
                        detail::array_of("the scales of the scales", outer, format::scales(n))});
  double sum = 0;
  for (const float& s : scales) {
    if (is_nonfinite(&s)) raise(errc::nonfinite, "a scale is NaN or infinite: quantise() writes none that is", 0, 0);
    sum += static_cast<double>(s);
  }
  const float offset = n > 0 ? static_cast<float>(sum / static_cast<double>(n)) : 0.0f;
  for (index_t at = 0; at < n; at += format::block) {
    float distance[format::block];
    const int here = n - at < format::block ? static_cast<int>(n - at) : format::block;
    for (int i = 0; i < here; ++i) distance[i] = scales[static_cast<std::size_t>(at + i)] - offset;
    format::save_floats<format::block>(detail::alone{}, outer.data() + at / format::block, codes.data() + at, here,
                                       distance, nullptr);
  }
  return offset;
}

/// Reads numbers whose scales are nested: a scale is value times outer scale plus offset, or 0 where that is negative.
/// A block that was all zero reads as zero, since its codes say so, whatever its scale.
/// Differs: published code lets such a scale become negative, and its block change sign.
template <class Store>
void dequantise(std::span<const std::uint8_t> codes, const nested_scales& nested, std::span<float> out) {
  using format = format_of<Store>;
  using inner = nested_scales::format;
  static_assert(std::same_as<scale_of<Store>, float>, "mango: nested scales are scales in float");
  static_assert(format::map::has_zero, "mango: scales can be nested only where a code stands for zero");
  const auto n = static_cast<index_t>(out.size()), count = format::scales(n);
  detail::check_arrays({detail::array_of("the numbers", out, n),
                        detail::array_of("the codes", codes, format::code_bytes(n)),
                        detail::array_of("the codes of the scales", nested.codes, inner::code_bytes(count)),
                        detail::array_of("the scales of the scales", nested.scales, inner::scales(count))});
  detail::choose_write(out.data(), n, [&](auto how) {
    for (index_t first = 0; first < count; first += inner::block) {
      const index_t here = count - first < inner::block ? count - first : inner::block;
      float scales[inner::block];
      detail::decode_blocks<inner, detail::write::plain>(nested.codes.data() + first,
                                                         nested.scales.data() + first / inner::block, scales, here);
      for (index_t i = 0; i < here; ++i) {
        const float s = scales[i] + nested.offset;
        scales[i] = s > 0 ? s : 0.0f;
      }
      const index_t at = first * format::block, left = n - at, most = here * format::block;
      detail::decode_blocks<format, how()>(codes.data() + format::code_bytes(at), scales, out.data() + at,
                                           left < most ? left : most);
    }
  });
}

}  // namespace mango
