#pragma once
// one horizontal bar per optimizer
#include <string>
#include <vector>

#include "compare/report/line_chart.hpp"

namespace compare {

/// `value` decides the length, `text` stands at the bar's end, `index` picks the colour (series_class).
struct bar {
  std::string name, text;
  double value = 0.0;
  std::size_t index = 0;
};

/// Bars from the shortest to the longest, on a linear axis that starts at zero.
std::string bar_chart(std::vector<bar> bars, const caption& c);

}  // namespace compare
