#include "plan/report.hpp"

#include <algorithm>
#include <cmath>

#include "compare/format.hpp"
#include "compare/report/grid.hpp"

namespace plan {

using compare::bytes_text, compare::grouped;

std::size_t result::fitting() const {
  return static_cast<std::size_t>(std::count_if(needs.begin(), needs.end(), [&](const need& n) { return fits(n); }));
}

std::string heading(const result& r) {
  std::string out = r.what.name + ": " + grouped(static_cast<bytes_t>(r.what.parameters())) + " parameters in " +
                    grouped(static_cast<bytes_t>(r.what.tensor_count())) + " tensors; ";
  out += r.how.parameters == mango::dtype::f32 ? "fp32" : r.how.parameters == mango::dtype::f16 ? "fp16" : "bf16";
  out += r.how.master ? " weights with fp32 master copies" : " weights";
  out += r.how.fused ? ", one gradient at a time" : ", all gradients held";
  if (r.how.background_save) out += ", saved in the background";
  for (const auto& s : r.how.settings) out += ", " + s;
  if (r.budget) out += "; budget " + grouped(*r.budget) + " bytes";
  if (r.what.skipped > 0)
    out += "\n(" + grouped(static_cast<bytes_t>(r.what.skipped)) + " tensors of integers are no parameters)";
  return out;
}

std::string table(const result& r) {
  compare::grid g{.head = {"bytes", "weights", "gradients", "state", "scratch", "total"}, .rows = {}};
  if (r.budget) g.head.emplace_back("fits");
  for (const need& n : r.needs) {
    g.rows.push_back({n.optimizer, grouped(n.weights), grouped(n.gradients), grouped(n.state), grouped(n.scratch),
                      grouped(n.total())});
    if (r.budget) g.rows.back().emplace_back(r.fits(n) ? "yes" : "no");
  }
  g.best = g.rows.size();
  return compare::aligned(g);
}

std::string bars(const result& r, std::size_t width) {
  if (r.needs.empty()) return {};
  bytes_t high = std::max<bytes_t>(r.budget.value_or(1), 1);
  std::size_t names = 0;
  for (const need& n : r.needs) {
    high = std::max(high, n.total());
    names = std::max(names, n.optimizer.size());
  }
  // sums are rounded, not pieces, so that no piece moves the end; what is less than half a column is not shown
  const auto column = [&](bytes_t bytes) {
    return static_cast<std::size_t>(
        std::lround(static_cast<double>(bytes) / static_cast<double>(high) * static_cast<double>(width)));
  };
  std::string out;
  for (const need& n : r.needs) {
    std::string line(width + 1, ' ');
    bytes_t sum = 0;
    const auto paint = [&](bytes_t bytes, char with) {
      const std::size_t from = column(sum), to = column(sum += bytes);
      if (column(bytes) == 0) return;
      std::fill(line.begin() + static_cast<std::ptrdiff_t>(from), line.begin() + static_cast<std::ptrdiff_t>(to), with);
    };
    paint(n.weights, '=');
    paint(n.gradients, '-');
    paint(n.state, '#');
    paint(n.scratch, '+');
    if (r.budget) line[column(*r.budget)] = '|';
    out += n.optimizer + std::string(names - n.optimizer.size() + 2, ' ') + line + " " +
           bytes_text(static_cast<double>(n.total())) + (r.fits(n) ? "" : ", too much") + "\n";
  }
  return out + std::string(names + 2, ' ') + "= weights  - gradients  # state  + scratch" +
         (r.budget ? "  | budget" : "") + "\n";
}

std::string verdict(const result& r) {
  if (!r.budget || r.needs.empty()) return {};
  const std::string budget = grouped(*r.budget);
  if (r.fitting() > 0)
    return std::to_string(r.fitting()) + " of " + std::to_string(r.needs.size()) + " fit in " + budget + " bytes";
  const need& least = r.needs.front();
  return "nothing fits: the least, " + least.optimizer + ", takes " + grouped(least.total()) +
         " bytes, the budget is " + budget;
}

}  // namespace plan
