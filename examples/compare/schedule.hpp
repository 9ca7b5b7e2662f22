#pragma once
// how the learning rate moves over a run
#include <cmath>
#include <cstddef>
#include <numbers>

namespace compare {

/// Linear warm-up over `warmup` steps, then constant, or half a cosine wave down to zero at `steps`.
struct schedule {
  bool cosine = true;
  std::size_t steps = 1, warmup = 0;

  /// The factor on the peak learning rate in step `t` = 0, 1, ..., steps - 1; never 0 within the run.
  [[nodiscard]] double factor(std::size_t t) const {
    if (t < warmup) return static_cast<double>(t + 1) / static_cast<double>(warmup + 1);
    if (!cosine) return 1.0;
    const double done = static_cast<double>(t - warmup) / static_cast<double>(steps - warmup);
    return 0.5 * (1.0 + std::cos(std::numbers::pi * done));
  }
};

}  // namespace compare
