#include "compare/report/grid.hpp"

#include <algorithm>

#include "compare/format.hpp"

namespace compare {
namespace {

std::string ratio(const std::optional<double>& r) { return r ? print(*r < 0.1 ? "%.2gx" : "%.2fx", *r) : "-"; }

}  // namespace

grid result_grid(const experiment& e, const std::vector<row>& rows) {
  grid out;
  out.head = {"optimizer",   e.classifies ? "test accuracy" : "perplexity",
              "loss",        "state bytes",
              "B/param",     "vs adamw",
              "grad. bytes", "peak RSS",
              "opt ms/step", "vs adamw",
              "ms/step"};
  for (const row& r : rows) {
    const std::string loss = r.figure.count == 0 ? "-" : print("%.4f", r.loss.mean);
    out.rows.push_back({r.optimizer, figure_text(r, e.classifies), loss, grouped(r.state_bytes),
                        print("%.3f", r.bytes_per_parameter()), ratio(r.state_ratio),
                        bytes_text(static_cast<double>(r.gradient_bytes)),
                        r.peak_bytes == 0 ? "-" : bytes_text(static_cast<double>(r.peak_bytes)),
                        print("%.3f", r.optimizer_ms), ratio(r.time_ratio), print("%.2f", r.step_ms)});
  }
  out.best = rows.size();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].figure.count == 0) continue;
    const auto better = [&](double a, double b) { return e.classifies ? a > b : a < b; };
    if (out.best == rows.size() || better(rows[i].figure.mean, rows[out.best].figure.mean)) out.best = i;
  }
  return out;
}

std::string table_note(const experiment& e) {
  const std::size_t seeds =
      e.runs.empty() ? 0 : static_cast<std::size_t>(std::count_if(e.runs.begin(), e.runs.end(), [&](const run& r) {
        return r.optimizer == e.runs.front().optimizer;
      }));
  const std::string spread = seeds > 1 ? print("mean +- standard deviation over %zu seeds; ", seeds) : "one seed; ";
  return (e.classifies ? "Accuracy: " : "Perplexity: ") + spread +
         print(
             "gradient bytes: all %zu replicas of the network together; peak RSS: the whole process with its data; "
             "opt ms/step and ms/step: medians.",
             e.replicas);
}

std::string aligned(const grid& g) {
  std::vector<std::size_t> wide(g.head.size());
  const auto measure = [&](const std::vector<std::string>& cells) {
    for (std::size_t c = 0; c < cells.size(); ++c) wide[c] = std::max(wide[c], cells[c].size());
  };
  measure(g.head);
  for (const auto& cells : g.rows) measure(cells);
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string out;
    for (std::size_t c = 0; c < cells.size(); ++c) {
      const std::string pad(wide[c] - cells[c].size(), ' ');
      out += c == 0 ? cells[c] + pad : "  " + pad + cells[c];
    }
    return out + "\n";
  };
  std::string out = line(g.head);
  for (const auto& cells : g.rows) out += line(cells);
  return out;
}

}  // namespace compare
