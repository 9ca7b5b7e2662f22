#include "compare/report/bar_chart.hpp"

#include <algorithm>
#include <cmath>

#include "compare/report/axis.hpp"
#include "compare/report/label.hpp"

namespace compare {

std::string bar_chart(std::vector<bar> bars, const caption& c) {
  std::stable_sort(bars.begin(), bars.end(), [](const bar& a, const bar& b) { return a.value < b.value; });
  double names = 40.0, texts = 30.0, high = 0.0;
  for (const bar& b : bars) {
    names = std::max(names, text_width(b.name, 12));
    texts = std::max(texts, text_width(b.text, 12));
    high = std::max(high, b.value);
  }
  // As high as the chart beside it, if the bars are neither too thick nor too thin for that.
  const double pitch = std::clamp(330.0 / static_cast<double>(std::max<std::size_t>(bars.size(), 1)), 21.0, 46.0);
  const double thick = std::min(pitch - 7.0, 26.0);
  const double width = 560, top = 8, bottom = top + pitch * static_cast<double>(bars.size()) + 4, height = bottom + 46;
  const double left = std::min(names, 200.0) + 18.0;
  const axis x{.low = 0, .high = high > 0 ? high : 1.0, .first = left, .last = width - texts - 18.0};

  svg out{width, height, c.title};
  for (const tick& t : x.ticks(6)) {
    out.line({x.at(t.value), top}, {x.at(t.value), bottom}, "grid");
    out.text({x.at(t.value), bottom + 18}, t.text, "tick", "middle");
  }
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const bar& b = bars[i];
    const double y = top + pitch * static_cast<double>(i) + 4;
    out.open("series " + series_class(b.index), b.name + ": " + b.text);
    out.text({left - 8, y + thick / 2 + 4}, shortened(b.name, 12, left - 10), "label", "end");
    out.rect({left, y}, std::max(1.0, x.at(b.value) - left), thick, "bar", 2.0);
    out.text({std::max(left + 1.0, x.at(b.value)) + 7, y + thick / 2 + 4}, b.text, "figure");
    out.close();
  }
  out.line({left, top}, {left, bottom}, "axis");
  out.text({(left + x.last) / 2, height - 8}, c.x, "name", "middle");
  return out.str();
}

}  // namespace compare
