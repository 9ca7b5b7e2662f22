#pragma once
// the few statistics a comparison needs
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace compare {

inline constexpr double infinite = std::numeric_limits<double>::infinity();
inline constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// Mean and sample standard deviation (n - 1); the deviation of fewer than two values is 0.
struct spread {
  double mean = 0.0, deviation = 0.0;
  std::size_t count = 0;
};

inline spread summarise(std::span<const double> x) {
  spread out{.count = x.size()};
  if (x.empty()) return out;
  for (const double v : x) out.mean += v;
  out.mean /= static_cast<double>(x.size());
  if (x.size() < 2) return out;
  double squares = 0.0;
  for (const double v : x) squares += (v - out.mean) * (v - out.mean);
  out.deviation = std::sqrt(squares / static_cast<double>(x.size() - 1));
  return out;
}

/// The middle value, or the mean of the two middle ones; 0 for no values.
inline double median(std::vector<double> x) {
  if (x.empty()) return 0.0;
  const auto middle = x.begin() + static_cast<std::ptrdiff_t>(x.size() / 2);
  std::nth_element(x.begin(), middle, x.end());
  if (x.size() % 2 == 1) return *middle;
  return 0.5 * (*middle + *std::max_element(x.begin(), middle));
}

/// Moving average over 2 `reach` + 1 values: symmetric, with a window that narrows towards the start, where loss curves
/// are steep, and cut off at the end, where they are flat. A value whose window is not finite stays as it is.
inline std::vector<double> smooth(std::span<const double> x, std::size_t reach) {
  std::vector<double> out(x.begin(), x.end());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t r = std::min(reach, i), end = std::min(x.size(), i + r + 1);
    double sum = 0.0;
    for (std::size_t j = i - r; j < end; ++j) sum += x[j];
    if (std::isfinite(sum)) out[i] = sum / static_cast<double>(end - (i - r));
  }
  return out;
}

}  // namespace compare
