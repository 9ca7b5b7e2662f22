#pragma once
// the result table as text cells, shared by the terminal and the page
#include <cstddef>
#include <string>
#include <vector>

#include "compare/run.hpp"
#include "compare/summary.hpp"

namespace compare {

/// One text per cell. `best`: the row with the best figure, rows.size() when every run diverged.
struct grid {
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;
  std::size_t best = 0;
};

grid result_grid(const experiment& e, const std::vector<row>& rows);

/// What the columns mean, in one or two sentences.
std::string table_note(const experiment& e);

/// Columns aligned with spaces, the first one left, the others right; ends with a line feed.
std::string aligned(const grid& g);

}  // namespace compare
