#include "compare/report/scatter_chart.hpp"

#include <algorithm>
#include <cmath>

#include "compare/format.hpp"
#include "compare/report/axis.hpp"
#include "compare/report/label.hpp"
#include "compare/statistics.hpp"

namespace compare {
namespace {

constexpr double width = 560, height = 400;
constexpr double top = 14, bottom = height - 46, left = 58, right = width - 16, zero_column = 40;

struct frame {
  axis x, y;
  bool has_zero;
  [[nodiscard]] double x_at(double bytes) const { return bytes > 0.0 ? x.at(bytes) : left + zero_column / 2; }
};

// Bounds of the shown qualities with their spreads: from the best one to the worst that is not an outlier.
axis vertical(const std::vector<mark>& marks, bool high_is_good) {
  std::vector<double> values;
  for (const mark& m : marks) {
    if (std::isfinite(m.quality)) values.push_back(m.quality);
  }
  if (values.empty()) return axis{.low = 0, .high = 1, .first = bottom, .last = top};
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  const double best = high_is_good ? *most : *least;
  const double reach = std::max(4.0 * std::abs(best - median(values)), 0.03 * std::abs(best));
  double low = best, high = best;
  for (const mark& m : marks) {
    if (!(std::abs(m.quality - best) <= reach)) continue;
    low = std::min(low, m.quality - m.spread);
    high = std::max(high, m.quality + m.spread);
  }
  axis out = padded(low, high, 0.1, false);
  out.first = bottom;
  out.last = top;
  return out;
}

frame make_frame(const std::vector<mark>& marks, bool high_is_good) {
  double low = infinite, high = 0.0;
  bool has_zero = false;
  for (const mark& m : marks) {
    if (m.bytes > 0.0) low = std::min(low, m.bytes), high = std::max(high, m.bytes);
    has_zero |= m.bytes <= 0.0;
  }
  axis x = std::isfinite(low) ? padded(low, high, 0.12, true) : axis{.low = 1, .high = 10, .log = true};
  x.first = left + (has_zero ? zero_column : 0.0);
  x.last = right;
  return {x, vertical(marks, high_is_good), has_zero};
}

void draw_axes(svg& out, const frame& f, const caption& c) {
  for (const tick& t : f.y.ticks(8)) {
    const double y = f.y.at(t.value);
    out.line({left, y}, {right, y}, "grid");
    out.text({left - 8, y + 4}, t.text, "tick", "end");
  }
  for (const tick& t : f.x.ticks(7)) {
    const double x = f.x.at(t.value);
    out.line({x, top}, {x, bottom}, "grid");
    out.text({x, bottom + 19}, round_bytes_text(t.value), "tick", "middle");
  }
  if (f.has_zero) {
    out.text({f.x_at(0.0), bottom + 19}, "0", "tick", "middle");
    // The gap says that zero is not one more step of the logarithmic axis.
    out.line({left, bottom}, {left + zero_column - 6, bottom}, "axis");
    out.line({left + zero_column - 9, bottom + 4}, {left + zero_column - 3, bottom - 4}, "axis");
    out.line({left + zero_column - 3, bottom + 4}, {left + zero_column + 3, bottom - 4}, "axis");
  }
  out.line({f.x.first, bottom}, {right, bottom}, "axis");
  out.text({(left + right) / 2, height - 8}, c.x, "name", "middle");
  out.text({15, (top + bottom) / 2}, c.y, "name", "middle", -90);
}

}  // namespace

std::string scatter_chart(const std::vector<mark>& marks, const caption& c, bool high_is_good) {
  const frame f = make_frame(marks, high_is_good);
  std::vector<point> points;
  std::vector<std::string> words;
  for (const mark& m : marks) {
    const double value = std::isfinite(m.quality) ? m.quality : high_is_good ? -infinite : infinite;
    const bool outside = value < f.y.low || value > f.y.high;
    points.push_back({f.x_at(m.bytes), std::isfinite(value) ? std::clamp(f.y.at(value), top + 8, bottom - 8)
                                       : high_is_good       ? bottom - 8
                                                            : top + 8});
    const std::string note = !std::isfinite(m.quality) ? " (diverged)" : print(" (%.4g)", m.quality);
    words.push_back(m.name + (outside ? note : ""));
  }
  const auto labels = place_labels(points, words, {left + 2, top - 8, right - left + 8, bottom - top + 4});
  svg out{width, height, c.title};
  draw_axes(out, f, c);
  for (std::size_t i = marks.size(); i-- > 0;) {
    const mark& m = marks[i];
    const std::string tip = m.name + print(": %.2f", m.quality) + " with " + bytes_text(m.bytes) + " of state";
    out.open("series " + series_class(i), tip);
    if (m.spread > 0.0) {
      const double x = points[i].x, up = std::max(f.y.at(m.quality + m.spread), top),
                   down = std::min(f.y.at(m.quality - m.spread), bottom);
      if (up < down) out.line({x, up}, {x, down}, "whisker");
    }
    if (labels[i].leader) {
      const double nudge = labels[i].anchor[0] == 's' ? -2.0 : labels[i].anchor[0] == 'e' ? 2.0 : 0.0;
      out.line(points[i], {labels[i].at.x + nudge, labels[i].at.y - 4.0}, "leader");
    }
    out.circle(points[i], 5.0, "mark");
    out.text(labels[i].at, words[i], "label", labels[i].anchor);
    out.close();
  }
  return out.str();
}

}  // namespace compare
