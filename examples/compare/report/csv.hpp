#pragma once
// the numbers behind the report, for other programs
#include <string>
#include <string_view>

#include "compare/run.hpp"

namespace compare {

/// One line per run, RFC 4180 with a header.
std::string results_csv(const experiment& e);

/// One line per curve point: optimizer, seed, set (train or held_out), step, epoch, loss, accuracy, rate, seconds.
std::string curves_csv(const experiment& e);

/// A field in double quotes when it holds a comma, a quote or a line break.
std::string csv_field(std::string_view text);

}  // namespace compare
