#include "compare/verdict.hpp"

#include <algorithm>

#include "compare/format.hpp"

namespace compare {

verdict judge(const experiment& e, const std::vector<row>& rows, bool demo, double least_accuracy) {
  for (const run& r : e.runs) {
    if (r.state_bytes == r.planned_bytes) continue;
    return {false, print("FAILED: %s holds %s bytes of state where %s were planned", r.optimizer.c_str(),
                         grouped(r.state_bytes).c_str(), grouped(r.planned_bytes).c_str())};
  }
  const std::string bytes = print("state bytes as planned (runs: %zu)", e.runs.size());
  if (!demo) return {true, "ok: " + bytes};
  const auto adamw = std::find_if(rows.begin(), rows.end(), [](const row& r) { return r.optimizer == "adamw"; });
  const double reached = adamw == rows.end() || adamw->figure.count == 0 ? 0.0 : adamw->figure.mean;
  const std::string accuracy = print("adamw reached %.2f %%", reached);
  if (reached < least_accuracy) return {false, "FAILED: " + accuracy + print(", below %.0f %%", least_accuracy)};
  return {true, "ok: " + accuracy + print(" (asked: %.0f %%), ", least_accuracy) + bytes};
}

}  // namespace compare
