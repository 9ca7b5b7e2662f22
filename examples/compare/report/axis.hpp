#pragma once
// from values to pixels, and where the ticks go
#include <cstddef>
#include <string>
#include <vector>

namespace compare {

struct tick {
  double value = 0.0;
  std::string text;
};

/// Round numbers (1, 2 or 5 times a power of ten apart) inside [low, high], at most `most` of them.
std::vector<tick> linear_ticks(double low, double high, std::size_t most);

/// Inside [low, high], both above zero: the densest of 1, 1.5, 2, 3, 5, 7; 1, 2, 5; 1, 3; 1 that stays within `most`;
/// every k-th decade when there are too many decades; linear_ticks() when less than two round numbers fall inside.
std::vector<tick> log_ticks(double low, double high, std::size_t most);

/// A number with as many digits as `step` needs to tell neighbours apart.
std::string tick_text(double value, double step);

/// Maps [low, high] to pixels [first, last] (last < first for a vertical axis), linearly or by logarithm.
struct axis {
  double low = 0.0, high = 1.0, first = 0.0, last = 1.0;
  bool log = false;

  [[nodiscard]] double at(double value) const;
  [[nodiscard]] std::vector<tick> ticks(std::size_t most) const {
    return log ? log_ticks(low, high, most) : linear_ticks(low, high, most);
  }
};

/// [low, high] with a margin of `share` on both sides; an empty interval becomes one of width 1 (or a factor 2).
axis padded(double low, double high, double share, bool log);

}  // namespace compare
