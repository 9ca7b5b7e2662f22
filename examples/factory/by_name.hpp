#pragma once
// Every optimizer of the library by name, those that multiply matrices too, without Eigen's headers
#include <string>
#include <vector>

#include "factory/host_factory.hpp"

namespace factory {

/// What mango::make_optimizer() makes with the backend mango::eigen; without Eigen, with mango::host.
mango::any_optimizer make(std::string_view line, const mango::host& where = {});
/// Every kind there is.
std::vector<mango::optimizer_kind> kinds();
/// Every optimizer with every store that has a name.
std::vector<std::string> lines();

}  // namespace factory
