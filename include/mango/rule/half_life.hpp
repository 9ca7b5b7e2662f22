#pragma once
// Averaging coefficients that grow along a line of half-lives.
#include "mango/core/types.hpp"

namespace mango::inline MANGO_ABI {

/// b at step t: from `start` to `end` over `steps` steps, so that the steps after which half is forgotten grow evenly.
/// half(b) = ln 0.5 / ln(b + 1e-8) - 1 and b = 0.5^(1 / (half + 1)), as in the code of AdEMAMix (arXiv:2409.03137).
MANGO_HOST_DEVICE inline double half_life_warmup(double start, double end, std::int64_t t, std::int64_t steps) {
  if (t >= steps) return end;
  const auto half = [](double b) { return __builtin_log(0.5) / __builtin_log(b + 1e-8) - 1; };
  const double a = static_cast<double>(t) / static_cast<double>(steps);
  return __builtin_pow(0.5, 1 / ((1 - a) * half(start) + a * half(end) + 1));
}

}  // namespace mango
