#pragma once
// What a gradient is looked at and added up by, whatever its type.
#include "mango/core/access.hpp"
#include "mango/optim/tensor.hpp"

namespace mango::inline MANGO_ABI::detail {

inline void add_to(tally& sum, const tally& x) {
  sum.squared_norm += x.squared_norm;
  sum.nonfinite = sum.nonfinite || x.nonfinite;
}

// sum <- sum + g over one range
template <class G> void add_to(float* sum, const G* g, index_t begin, index_t end) noexcept {
  index_t i = begin;
  for (; i + packet::lanes <= end; i += packet::lanes) save(sum, whole{i}, load(sum, whole{i}) + load(g, whole{i}));
  for (; i < end; ++i) sum[i] += load(g, one{i});
}

// everything about a tensor's gradient that depends on its type
template <class G> struct gradient_access {
  static bool nonfinite(const float* sum, const void* g, index_t begin, index_t end) {
    bool bad = false;
    each_block(sum, g, begin, end, [&](const auto* x, index_t b, index_t e) { bad = bad || has_nonfinite(x, b, e); });
    return bad;
  }
  static tally measure(const float* sum, const void* g, index_t begin, index_t end) {
    tally t;
    each_block(sum, g, begin, end, [&](const auto* x, index_t b, index_t e) { add_to(t, tally_range(x, b, e)); });
    return t;
  }
  static void add(float* sum, const void* g, index_t begin, index_t end) {
    add_to(sum, static_cast<const G*>(g), begin, end);
  }
  static constexpr gradient_functions functions{nonfinite, nullptr, add}, measuring{nonfinite, measure, add};

 private:
  template <class F> static void each_block(const float* sum, const void* g, index_t begin, index_t end, F f) {
    const auto* x = static_cast<const G*>(g);
    if (!sum) return f(x, begin, end);
    if (!g) return f(sum, begin, end);
    float both[1024];
    for (index_t b = begin; b < end; b += 1024) {
      const index_t n = end - b < 1024 ? end - b : 1024;
      std::memcpy(both, sum + b, static_cast<std::size_t>(n) * sizeof(float));
      add_to(both, x + b, 0, n);
      asm volatile("" : : "r"(both) : "memory");  // the sums are memory now, and are looked at as such
      f(static_cast<const float*>(both), index_t{0}, n);
    }
  }
};

}  // namespace mango::inline MANGO_ABI::detail
