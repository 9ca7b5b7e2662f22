#pragma once
// the plan as a picture
#include <string>

#include "plan/report.hpp"

namespace plan {

/// A self-contained SVG: one bar per optimizer, in four parts, and the budget as a dashed line. What does not fit is
/// faint.
std::string svg_chart(const result& r);

}  // namespace plan
