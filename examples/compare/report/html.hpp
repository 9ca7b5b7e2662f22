#pragma once
// the report as one self-contained page
#include <string>
#include <vector>

#include "compare/run.hpp"
#include "compare/summary.hpp"

namespace compare {

/// The whole page: summary tiles, loss curves, quality against state, time per step, table, command and machine.
/// Well-formed XML as well as HTML 5; refers to nothing outside itself.
std::string html_report(const experiment& e, const std::vector<row>& rows);

}  // namespace compare
