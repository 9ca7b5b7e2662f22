#pragma once
// runs of one optimizer drawn together: the rows of every table and chart
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "compare/run.hpp"
#include "compare/statistics.hpp"

namespace compare {

/// One optimizer over its seeds.
struct row {
  std::string optimizer, description;
  spread figure{};  ///< accuracy in percent, or perplexity; runs that did not diverge
  spread loss{};
  std::size_t diverged = 0, runs = 0, skipped = 0;
  std::size_t parameters = 0, state_bytes = 0, planned_bytes = 0, gradient_bytes = 0, peak_bytes = 0;
  double learning_rate = 0.0, optimizer_ms = 0.0, step_ms = 0.0, seconds = 0.0;
  std::optional<double> state_ratio{}, time_ratio{};  ///< to the AdamW row, when there is one
  std::vector<curve_point> train{}, held_out{};       ///< means over the seeds

  [[nodiscard]] double bytes_per_parameter() const {
    return parameters == 0 ? 0.0 : static_cast<double>(state_bytes) / static_cast<double>(parameters);
  }
};

/// One row per optimizer, in the order of their first runs. Bytes are the largest of the seeds, times the median.
std::vector<row> summarise(const experiment& e);

/// What figure and its spread look like: "89.12 %", "89.12 +- 0.21 %", "12.3 +- 0.4", "diverged".
std::string figure_text(const row& r, bool classifies);

}  // namespace compare
