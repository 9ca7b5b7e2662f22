#pragma once
// the plan as text for a terminal
#include <optional>
#include <string>
#include <vector>

#include "plan/memory.hpp"

namespace plan {

/// What is to be shown. Without a budget, everything fits.
struct result {
  model what;
  setup how;
  std::optional<bytes_t> budget;
  std::vector<need> needs;  ///< from the least to the most bytes

  [[nodiscard]] bool fits(const need& n) const { return !budget || n.total() <= *budget; }
  [[nodiscard]] std::size_t fitting() const;
};

/// One line: the model, its size, how weights and gradients are kept, the budget.
std::string heading(const result& r);

/// Every byte count, one optimizer per line.
std::string table(const result& r);

/// One bar per optimizer: = weights, - gradients, # state, + scratch, and | where the budget ends.
std::string bars(const result& r, std::size_t width = 60);

/// How many fit; or, when nothing does, the smallest need against the budget.
std::string verdict(const result& r);

}  // namespace plan
