#pragma once
// losses over steps, one curve per optimizer, labelled at its end
#include <string>
#include <vector>

#include "compare/report/svg.hpp"

namespace compare {

struct series {
  std::string name;
  std::vector<double> x{}, y{};
};

/// What a chart says around its data.
struct caption {
  std::string id;     ///< unique on the page
  std::string title;  ///< for screen readers
  std::string x, y;   ///< axis titles with their units
};

/// The curves as given (smooth them before). y is logarithmic when the shown values span more than a factor of 4 and
/// are all positive. Values far above the typical start of the curves are cut off at the top, so that one diverging run
/// does not flatten the rest. `dots` marks every point. `reference` is a dashed horizontal line with its name; without
/// a name there is none.
std::string line_chart(const std::vector<series>& curves, const caption& c, bool dots,
                       const std::string& reference_name = {}, double reference = 0.0);

/// CSS classes of the i-th series: ten colours, then the same ones dashed, then dotted.
std::string series_class(std::size_t i);

}  // namespace compare
