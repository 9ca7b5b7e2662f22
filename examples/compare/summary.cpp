#include "compare/summary.hpp"

#include <algorithm>
#include <cmath>

#include "compare/format.hpp"

namespace compare {
namespace {

// All seeds share the step grid, so means are taken point by point up to the shortest curve.
std::vector<curve_point> mean_curve(const std::vector<const run*>& runs, std::vector<curve_point> run::*curve) {
  std::size_t points = (runs.front()->*curve).size();
  for (const run* r : runs) points = std::min(points, (r->*curve).size());
  std::vector<curve_point> out(points);
  const double share = 1.0 / static_cast<double>(runs.size());
  for (std::size_t i = 0; i < points; ++i) {
    for (const run* r : runs) {
      const curve_point& p = (r->*curve)[i];
      out[i].step = p.step;
      out[i].loss += share * p.loss;
      out[i].accuracy += share * p.accuracy;
      out[i].learning_rate += share * p.learning_rate;
      out[i].seconds += share * p.seconds;
    }
  }
  return out;
}

row make_row(const std::vector<const run*>& runs, bool classifies) {
  row out{.optimizer = runs.front()->optimizer, .description = runs.front()->description, .runs = runs.size()};
  std::vector<double> figures, losses, optimizer_ms, step_ms;
  std::vector<const run*> good;
  for (const run* r : runs) {
    out.parameters = std::max(out.parameters, r->parameters);
    out.state_bytes = std::max(out.state_bytes, r->state_bytes);
    out.planned_bytes = std::max(out.planned_bytes, r->planned_bytes);
    out.gradient_bytes = std::max(out.gradient_bytes, r->gradient_bytes);
    out.peak_bytes = std::max(out.peak_bytes, r->peak_bytes);
    out.seconds += r->seconds;
    out.skipped += r->skipped;
    optimizer_ms.push_back(r->optimizer_ms);
    step_ms.push_back(r->step_ms);
    out.diverged += r->diverged ? 1 : 0;
    if (r->diverged) continue;
    good.push_back(r);
    figures.push_back(classifies ? 100.0 * r->accuracy : std::exp(r->loss));
    losses.push_back(r->loss);
  }
  out.learning_rate = runs.front()->learning_rate;
  out.figure = summarise(figures);
  out.loss = summarise(losses);
  out.optimizer_ms = median(optimizer_ms);
  out.step_ms = median(step_ms);
  // A diverged run's curve is only shown when there is nothing better: a mean with infinities says nothing.
  const auto& shown = good.empty() ? runs : good;
  out.train = mean_curve(shown, &run::train);
  out.held_out = mean_curve(shown, &run::held_out);
  return out;
}

const row* find_adamw(const std::vector<row>& rows) {
  const auto plain = std::find_if(rows.begin(), rows.end(), [](const row& r) { return r.optimizer == "adamw"; });
  return plain == rows.end() ? nullptr : &*plain;
}

}  // namespace

std::vector<row> summarise(const experiment& e) {
  std::vector<std::vector<const run*>> groups;
  for (const run& r : e.runs) {
    const auto group =
        std::find_if(groups.begin(), groups.end(), [&](const auto& g) { return g.front()->optimizer == r.optimizer; });
    if (group == groups.end()) {
      groups.push_back({&r});
    } else {
      group->push_back(&r);
    }
  }
  std::vector<row> rows;
  for (const auto& group : groups) rows.push_back(make_row(group, e.classifies));
  if (const row* base = find_adamw(rows)) {
    const auto state = static_cast<double>(base->state_bytes);
    const double time = base->optimizer_ms;
    for (row& r : rows) {
      if (state > 0.0) r.state_ratio = static_cast<double>(r.state_bytes) / state;
      if (time > 0.0) r.time_ratio = r.optimizer_ms / time;
    }
  }
  return rows;
}

std::string figure_text(const row& r, bool classifies) {
  if (r.figure.count == 0) return "diverged";
  const std::string spread = r.figure.count > 1 ? print(" +- %.2f", r.figure.deviation) : "";
  const std::string lost = r.diverged > 0 ? print(" (%zu of %zu diverged)", r.diverged, r.runs) : "";
  return print("%.2f", r.figure.mean) + spread + (classifies ? " %" : "") + lost;
}

}  // namespace compare
