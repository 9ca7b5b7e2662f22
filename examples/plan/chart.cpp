#include "plan/chart.hpp"

#include <algorithm>
#include <array>

#include "compare/format.hpp"
#include "compare/report/axis.hpp"
#include "compare/report/label.hpp"
#include "compare/report/line_chart.hpp"
#include "compare/report/style.hpp"
#include "compare/report/svg.hpp"

namespace plan {
namespace {

using compare::axis, compare::bytes_text, compare::svg, compare::text_width;

constexpr double width = 680, top = 58, pitch = 25, thick = 17;
constexpr const char* own_style = R"css(
svg .card { fill: var(--card); } svg .title { fill: var(--ink); font-size: 14px; font-weight: 600; }
svg .over .bar { opacity: .4; }
)css";

// decimal bytes for the axis: what to divide by, and its name
struct scale {
  double bytes;
  const char* word;
};
scale scale_for(double high) {
  constexpr std::array all{scale{1e12, "TB"}, scale{1e9, "GB"}, scale{1e6, "MB"}, scale{1e3, "kB"}};
  for (const scale& s : all) {
    if (high >= s.bytes) return s;
  }
  return {1, "bytes"};
}

void draw_legend(svg& out, double left, bool budget) {
  std::size_t index = 0;
  for (const char* word : {"weights", "gradients", "state", "scratch"}) {
    out.open("series " + compare::series_class(index++), word);
    out.rect({left, 35}, 10, 10, "bar", 2.0);
    out.text({left + 15, 44}, word, "label");
    out.close();
    left += 15 + text_width(word, 12) + 18;
  }
  if (!budget) return;
  out.line({left, 40}, {left + 16, 40}, "reference");
  out.text({left + 21, 44}, "budget", "name");
}

void draw_bar(svg& out, const result& r, const need& n, const axis& x, double divisor, double y) {
  out.open(r.fits(n) ? "" : "over", n.optimizer + ": " + compare::grouped(n.total()) + " bytes");
  out.text({x.first - 8, y + thick / 2 + 4}, compare::shortened(n.optimizer, 12, x.first - 10), "name", "end");
  bytes_t sum = 0;
  std::size_t index = 0;
  for (const bytes_t part : {n.weights, n.gradients, n.state, n.scratch}) {
    const double from = x.at(static_cast<double>(sum) / divisor), to = x.at(static_cast<double>(sum += part) / divisor);
    const std::string css = compare::series_class(index++);
    if (part > 0) {
      out.open(css, compare::grouped(part) + " bytes");
      out.rect({from, y}, to - from, thick, "bar");
      out.close();
    }
  }
  out.text({x.at(static_cast<double>(sum) / divisor) + 7, y + thick / 2 + 4}, bytes_text(static_cast<double>(sum)),
           "figure");
  out.close();
}

}  // namespace

std::string svg_chart(const result& r) {
  double names = 60, high = static_cast<double>(r.budget.value_or(1));
  for (const need& n : r.needs) {
    names = std::max(names, text_width(n.optimizer, 12));
    high = std::max(high, static_cast<double>(n.total()));
  }
  const scale unit = scale_for(high);
  const double bottom = top + pitch * static_cast<double>(r.needs.size()) + 4, height = bottom + 46;
  const axis x{.low = 0, .high = high / unit.bytes, .first = std::min(names, 250.0) + 18, .last = width - 80};

  svg out{width, height, heading(r)};
  out.style(std::string{compare::style_sheet} + own_style);
  out.rect({0, 0}, width, height, "card", 12.0);
  const std::string title =
      r.what.name + ": will it fit" + (r.budget ? " in " + bytes_text(static_cast<double>(*r.budget)) : "") + "?";
  out.text({18, 24}, compare::shortened(title, 14, width - 36), "title");
  draw_legend(out, x.first, r.budget.has_value());
  for (const auto& t : x.ticks(6)) {
    out.line({x.at(t.value), top}, {x.at(t.value), bottom}, "grid");
    out.text({x.at(t.value), bottom + 18}, t.text, "tick", "middle");
  }
  for (std::size_t i = 0; i < r.needs.size(); ++i)
    draw_bar(out, r, r.needs[i], x, unit.bytes, top + pitch * static_cast<double>(i) + 4);
  out.line({x.first, top}, {x.first, bottom}, "axis");
  if (r.budget) {
    const double at = x.at(static_cast<double>(*r.budget) / unit.bytes);
    out.line({at, top - 6}, {at, bottom}, "reference");
  }
  out.text({(x.first + x.last) / 2, height - 8}, unit.word, "name", "middle");
  return out.str();
}

}  // namespace plan
