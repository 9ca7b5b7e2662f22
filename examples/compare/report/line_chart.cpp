#include "compare/report/line_chart.hpp"

#include <algorithm>
#include <cmath>

#include "compare/format.hpp"
#include "compare/report/axis.hpp"
#include "compare/report/label.hpp"
#include "compare/statistics.hpp"

namespace compare {
namespace {

constexpr double width = 560, height = 400;
constexpr double top = 14, bottom = height - 46, left = 58;
constexpr double label_gap = 14.5, label_font = 12;

struct frame {
  axis x, y;
  double right;
};

axis vertical(const std::vector<series>& curves, double reference) {
  std::vector<double> starts;
  double low = infinite, high = -infinite;
  for (const auto& s : curves) {
    const auto first = std::find_if(s.y.begin(), s.y.end(), [](double v) { return std::isfinite(v); });
    if (first != s.y.end()) starts.push_back(*first);
    for (const double v : s.y) {
      if (std::isfinite(v)) low = std::min(low, v), high = std::max(high, v);
    }
  }
  if (starts.empty()) return axis{.low = 0, .high = 1, .first = bottom, .last = top};
  // Typical is the lower median: of two curves the sane one.
  const auto typical = starts.begin() + static_cast<std::ptrdiff_t>((starts.size() - 1) / 2);
  std::nth_element(starts.begin(), typical, starts.end());
  high = std::min(high, 1.5 * std::max(*typical, low));
  if (reference > 0.0) low = std::min(low, reference), high = std::max(high, reference);
  axis out = padded(low, high, 0.04, low > 0.0 && high > 4.0 * low);
  out.first = bottom;
  out.last = top;
  return out;
}

frame make_frame(const std::vector<series>& curves, double reference) {
  double x_high = 0.0, widest = 0.0;
  for (const auto& s : curves) {
    if (!s.x.empty()) x_high = std::max(x_high, s.x.back());
    widest = std::max(widest, text_width(s.name, label_font));
  }
  const double right = width - std::min(230.0, widest + 24.0);
  return {axis{.low = 0, .high = x_high > 0 ? x_high : 1.0, .first = left, .last = right}, vertical(curves, reference),
          right};
}

void draw_axes(svg& out, const frame& f, const caption& c) {
  for (const tick& t : f.y.ticks(8)) {
    const double y = f.y.at(t.value);
    out.line({left, y}, {f.right, y}, "grid");
    out.text({left - 8, y + 4}, t.text, "tick", "end");
  }
  for (const tick& t : f.x.ticks(7)) {
    const double x = f.x.at(t.value);
    out.line({x, bottom}, {x, bottom + 5}, "axis");
    out.text({x, bottom + 19}, t.text, "tick", "middle");
  }
  out.line({left, bottom}, {f.right, bottom}, "axis");
  out.text({(left + f.right) / 2, height - 8}, c.x, "name", "middle");
  out.text({15, (top + bottom) / 2}, c.y + (f.y.log ? " (log scale)" : ""), "name", "middle", -90);
}

std::vector<point> pixels(const series& s, const frame& f) {
  std::vector<point> out;
  for (std::size_t i = 0; i < s.x.size(); ++i) {
    // A clipped curve still leaves the frame upwards; further out only rounding would suffer.
    const double y = std::max(f.y.at(s.y[i]), top - 2000.0);
    out.push_back({f.x.at(s.x[i]), std::isfinite(s.y[i]) ? y : not_a_number});
  }
  return out;
}

point last_visible(const std::vector<point>& line) {
  const auto last = std::find_if(line.rbegin(), line.rend(), [](point p) { return std::isfinite(p.y); });
  if (last == line.rend()) return {left, top};
  return {last->x, std::clamp(last->y, top, bottom)};
}

}  // namespace

std::string series_class(std::size_t i) { return print("s%zu dash%zu", i % 10, i / 10 % 3); }

std::string line_chart(const std::vector<series>& curves, const caption& c, bool dots,
                       const std::string& reference_name, double reference) {
  const frame f = make_frame(curves, reference_name.empty() ? 0.0 : reference);
  svg out{width, height, c.title};
  out.clip(c.id, {left, top - 4}, f.right - left + 4, bottom - top + 8);
  draw_axes(out, f, c);
  if (!reference_name.empty()) {
    const double y = f.y.at(reference);
    out.line({left, y}, {f.right, y}, "reference");
    out.text({f.right - 4, y - 5}, reference_name, "tick", "end");
  }
  std::vector<std::vector<point>> lines;
  std::vector<double> ends;
  for (const auto& s : curves) {
    lines.push_back(pixels(s, f));
    ends.push_back(last_visible(lines.back()).y);
  }
  const auto where = spread_out(ends, label_gap, top, bottom);
  // Drawn backwards, so that the first optimizers lie on top.
  for (std::size_t i = curves.size(); i-- > 0;) {
    const point end = last_visible(lines[i]);
    out.open("series " + series_class(i), curves[i].name);
    out.path(lines[i], "curve", "clip-path=\"url(#" + escaped(c.id) + ")\"");
    for (const point& p : lines[i]) {
      if (dots && p.y >= top - 4) out.circle(p, 2.6, "dot");
    }
    // A curve that stops early, because its run diverged, has no end to lead to.
    if (end.x > f.right - 12) out.path({end, {f.right + 6, end.y}, {f.right + 14, where[i]}}, "leader");
    out.text({f.right + 17, where[i] + 4}, shortened(curves[i].name, label_font, width - f.right - 19), "label");
    out.close();
  }
  return out.str();
}

}  // namespace compare
