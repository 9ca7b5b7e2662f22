#pragma once
// a run in a file: weights and optimizer together, to go on from
#include <string>

#include "compare/replicas.hpp"
#include "factory/host_factory.hpp"

namespace compare {

/// Where the run of a spec and a seed lies in a folder.
std::string saved_run_path(const std::string& folder, const std::string& spec, std::uint64_t seed);

/// Durably; a folder that is missing is made. Throws mango::error.
void save_run(const std::string& path, const mango::any_optimizer& optimizer, const replicas& network);

/// Puts weights and optimizer in place and returns how many steps they have behind them. Throws mango::error, with both
/// as they were.
std::size_t load_run(const std::string& path, mango::any_optimizer& optimizer, replicas& network);

}  // namespace compare
