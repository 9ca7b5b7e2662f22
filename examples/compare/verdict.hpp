#pragma once
// the checks that decide the exit code
#include <string>
#include <vector>

#include "compare/run.hpp"
#include "compare/summary.hpp"

namespace compare {

/// One sentence for people, and whether everything asked for holds.
struct verdict {
  bool good = true;
  std::string sentence;
};

/// Every run's state holds exactly the bytes planned. In the demo, besides, adamw reaches `least_accuracy` percent.
verdict judge(const experiment& e, const std::vector<row>& rows, bool demo, double least_accuracy);

}  // namespace compare
