#pragma once
// Which values a hyperparameter may have, and the one sentence when it has another.
#include "mango/core/error.hpp"
#include "mango/core/finite.hpp"

namespace mango::inline MANGO_ABI {

/// low <= x <= high, or without the ends that are open.
struct interval {
  double low, high;
  bool open_low = false, open_high = false;
  bool contains(double x) const { return (open_low ? x > low : x >= low) && (open_high ? x < high : x <= high); }
};
/// [0, 1): averaging coefficients.
inline constexpr interval fraction{0, 1, false, true};
/// [0, 1e30]: rates, decays and limits, where 0 switches off.
inline constexpr interval zero_or_more{0, 1e30};

/// "[0, 1)".
inline text to_text(const interval& r) {
  return concat({r.open_low ? "(" : "[", digits(r.low), ", ", digits(r.high), r.open_high ? ")" : "]"});
}

/// Raises errc::config naming the field, its value and its range. NaN and infinity are outside every range, also under
/// -ffast-math.
__attribute__((noinline)) inline void require(const char* field, double value, const interval& allowed) {
  if (is_nonfinite(value) || !allowed.contains(value))
    raise(errc::config, "{word} is {other}", 0, 0, field, field,
          concat({digits(value), " but must be in ", to_text(allowed)}));
}

/// The visitor that requires every number to be in its range.
struct check_hyperparameter {
  void operator()(const char* field, double value, const interval& allowed) const { require(field, value, allowed); }
  void operator()(const char*, const char*) const {}
};

}  // namespace mango
