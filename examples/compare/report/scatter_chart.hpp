#pragma once
// quality against state bytes: the picture the library is about
#include <string>
#include <vector>

#include "compare/report/line_chart.hpp"

namespace compare {

/// One optimizer: bytes of state (0 allowed: its own place left of the logarithmic axis), quality, spread over seeds.
struct mark {
  std::string name;
  double bytes = 0.0, quality = 0.0, spread = 0.0;
};

/// Marks keep the colours of series_class(i). `high_is_good` decides which end of the axis outliers are gathered at:
/// values more than 3 % and four times as far from the best one as the median are drawn at the edge with their number.
std::string scatter_chart(const std::vector<mark>& marks, const caption& c, bool high_is_good);

}  // namespace compare
