#pragma once
// a whole comparison: from options to runs
#include <string>

#include "compare/options.hpp"
#include "compare/run.hpp"

namespace compare {

/// Reads the data, trains every optimizer with every seed and gathers the runs. Throws data_error or mango::error, both
/// with one sentence; every spec is tried before the data is read.
experiment run_experiment(const options& o, const std::string& program);

}  // namespace compare
