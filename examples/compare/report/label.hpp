#pragma once
// keeps labels from covering each other
#include <string>
#include <vector>

#include "compare/report/svg.hpp"

namespace compare {

/// Positions as near to `wanted` as possible, at least `gap` apart and inside [low, high]; same order as `wanted`.
/// When there is not room for all, the gap shrinks.
std::vector<double> spread_out(const std::vector<double>& wanted, double gap, double low, double high);

struct box {
  double x = 0.0, y = 0.0, width = 0.0, height = 0.0;
  [[nodiscard]] bool meets(const box& o) const {
    return x < o.x + o.width && o.x < x + width && y < o.y + o.height && o.y < y + height;
  }
};

/// Where a point's label goes: text origin, its anchor, and whether it needs a line back to its point.
struct placed {
  point at;
  const char* anchor = "start";
  bool leader = false;
};

/// Labels beside their points, none over another label or a point, all inside `frame`. Earlier points choose first.
std::vector<placed> place_labels(const std::vector<point>& points, const std::vector<std::string>& words,
                                 const box& frame);

/// Estimated width in pixels of `words` at `size` pixels height.
double text_width(const std::string& words, double size);

/// `words`, or as much of their beginning as fits in `width` pixels, with dots after it.
std::string shortened(const std::string& words, double size, double width);

}  // namespace compare
