#pragma once
// The extents of a tensor. The library owns no tensor type: a shape beside a flat span is all it needs to know.
#include <concepts>
#include <initializer_list>

#include "mango/core/error.hpp"

namespace mango::inline MANGO_ABI {

/// Row-major extents, the last one contiguous. The last two are the matrix that factored methods see;
/// all before them are a batch of such matrices (llm.c stacks its layers so). Projections take the first by all others
/// (convolutions). At most `max_dimensions` extents.
class shape {
 public:
  static constexpr int max_dimensions = 8;

  constexpr shape() = default;
  /// Extents of any integer type, slowest first: {layers, rows, columns}. Raises errc::size for a negative extent, or
  /// more elements than an index can count.
  template <std::integral... Extent>
  requires(sizeof...(Extent) > 0 && sizeof...(Extent) <= max_dimensions) shape(Extent... extents)
      : extents_{static_cast<index_t>(extents)...}, dimensions_(sizeof...(extents)) {
    count_elements();
  }
  /// The same from an array. Raises errc::size for more than 8 extents as well.
  shape(const index_t* extents, index_t dimensions) { assign(extents, dimensions); }

  /// The shape of a column-major array (Armadillo, ArrayFire; ggml's `ne`): the first extent is the contiguous one, so
  /// the extents are reversed and no element moves.
  static shape column_major(std::initializer_list<index_t> extents) {
    shape reversed;
    for (const index_t e : extents) reversed.prepend(e);
    return reversed;
  }

  int dimensions() const { return dimensions_; }
  index_t operator[](int i) const { return extents_[i]; }
  /// Product of all extents; 1 for a scalar (no extents), 0 if any extent is 0.
  index_t elements() const { return elements_; }
  index_t columns() const { return dimensions_ > 0 ? extents_[dimensions_ - 1] : 1; }
  index_t rows() const { return dimensions_ > 1 ? extents_[dimensions_ - 2] : 1; }
  /// How many matrices: the product of all extents before the last two.
  index_t batch() const {
    index_t n = 1;
    for (int i = 0; i + 2 < dimensions_; ++i) n *= extents_[i];
    return n;
  }
  friend bool operator==(const shape&, const shape&) = default;

 private:
  void assign(const index_t* extents, index_t count) {
    if (count < 0 || count > max_dimensions)
      raise(errc::size, "a shape has at most {expected} extents, this one has {got}", 8, count);
    for (index_t i = 0; i < count; ++i) extents_[i] = extents[i];
    dimensions_ = static_cast<int>(count);
    count_elements();
  }
  void prepend(index_t extent) {
    if (dimensions_ == max_dimensions)
      raise(errc::size, "a shape has at most {expected} extents, this one has {got}", 8, 9);
    for (int i = dimensions_++; i > 0; --i) extents_[i] = extents_[i - 1];
    extents_[0] = extent;
    count_elements();
  }
  __attribute__((noinline)) void count_elements() {
    elements_ = 1;
    for (int i = 0; i < dimensions_; ++i) {
      if (extents_[i] < 0)
        raise(errc::size, "an extent of a shape is {got}, expected at least {expected}", 0, extents_[i]);
      if (__builtin_mul_overflow(elements_, extents_[i], &elements_))
        raise(errc::size, "a shape has more than {expected} elements", PTRDIFF_MAX, 0);
    }
  }
  index_t extents_[max_dimensions] = {};
  index_t elements_ = 1;
  int dimensions_ = 0;
};

/// "256x784"; "scalar" for no extents.
inline text to_text(const shape& s) {
  text out;
  for (int i = 0; i < s.dimensions(); ++i) out += concat({i ? "x" : "", digits(s[i])});
  return s.dimensions() ? out : text("scalar");
}

}  // namespace mango
