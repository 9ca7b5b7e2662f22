#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "compare/report/axis.hpp"
#include "compare/report/bar_chart.hpp"
#include "compare/report/label.hpp"
#include "compare/report/line_chart.hpp"
#include "compare/report/scatter_chart.hpp"
#include "compare/statistics.hpp"
#include "has.hpp"
#include "xml.hpp"

using namespace compare;
using doctest::Approx;

namespace {

std::vector<std::string> texts(const std::vector<tick>& ticks) {
  std::vector<std::string> out;
  for (const tick& t : ticks) out.push_back(t.text);
  return out;
}

using words = std::vector<std::string>;
const caption plain{"id", "title", "x", "y"};

}  // namespace

TEST_CASE("linear ticks are round, inside and not too many") {
  CHECK(texts(linear_ticks(0.0, 1.0, 6)) == words{"0.0", "0.2", "0.4", "0.6", "0.8", "1.0"});
  CHECK(texts(linear_ticks(0.0, 4.0, 7)) == words{"0", "1", "2", "3", "4"});
  CHECK(texts(linear_ticks(-0.02, 0.03, 6)) == words{"-0.02", "-0.01", "0.00", "0.01", "0.02", "0.03"});
  CHECK(texts(linear_ticks(88.11, 88.93, 5)) == words{"88.2", "88.4", "88.6", "88.8"});
  CHECK(linear_ticks(1.0, 1.0, 5).empty());
  for (double low = -7.3; low < 9.0; low += 1.7) {
    for (double span = 1e-4; span < 1e5; span *= 3.7) {
      const auto ticks = linear_ticks(low, low + span, 7);
      CAPTURE(low);
      CAPTURE(span);
      CHECK(ticks.size() >= 2);
      CHECK(ticks.size() <= 7);
      CHECK(ticks.front().value >= low - 1e-6 * span);
      CHECK(ticks.back().value <= low + span * (1 + 1e-6));
    }
  }
}

TEST_CASE("logarithmic ticks thin out as the decades grow") {
  CHECK(texts(log_ticks(0.2, 2.5, 8)) == words{"0.2", "0.3", "0.5", "0.7", "1", "1.5", "2"});
  CHECK(texts(log_ticks(0.2, 2.5, 6)) == words{"0.2", "0.5", "1", "2"});
  CHECK(texts(log_ticks(1.0, 1000.0, 8)) == words{"1", "3", "10", "30", "100", "300", "1000"});
  CHECK(texts(log_ticks(1.0, 1e5, 6)) == words{"1", "10", "100", "1000", "10000", "100000"});
  CHECK(log_ticks(1.0, 1e30, 7).size() <= 7);
  CHECK(log_ticks(1.1, 1.4, 6).size() >= 2);
  CHECK(log_ticks(0.0, 1.0, 6).empty());
}

TEST_CASE("an axis maps its ends to its pixels, and its geometric middle to the middle") {
  const axis log{.low = 1, .high = 100, .first = 300, .last = 100, .log = true};
  CHECK(log.at(1) == Approx(300));
  CHECK(log.at(100) == Approx(100));
  CHECK(log.at(10) == Approx(200));
  const axis wide = padded(2, 2, 0.1, false);
  CHECK(wide.low < 2);
  CHECK(wide.high > 2);
  const axis wide_log = padded(8, 8, 0.0, true);
  CHECK(wide_log.high / wide_log.low == Approx(2));
}

TEST_CASE("labels spread out to the gap, stay in bounds, keep their order and move as little as they can") {
  const auto apart = spread_out({10, 50, 90}, 14, 0, 100);
  CHECK(apart == std::vector<double>{10, 50, 90});
  const auto pushed = spread_out({50, 50, 50}, 10, 0, 100);
  CHECK(pushed == std::vector<double>{40, 50, 60});
  const auto edge = spread_out({99, 98, 97}, 10, 0, 100);
  CHECK(edge == std::vector<double>{100, 90, 80});
  const auto crowd = spread_out(std::vector<double>(21, 5.0), 10, 0, 100);
  CHECK(*std::max_element(crowd.begin(), crowd.end()) == Approx(100));
  CHECK(*std::min_element(crowd.begin(), crowd.end()) == Approx(0));
  CHECK(spread_out({}, 10, 0, 100).empty());
}

TEST_CASE("words that do not fit end in dots") {
  CHECK(shortened("adamw", 12, 100) == "adamw");
  const std::string cut = shortened(std::string(60, 'w'), 12, 100);
  CHECK(text_width(cut, 12) <= 100);
  CHECK(cut.size() > 6);
  CHECK(cut.substr(cut.size() - 4) == "w...");
}

TEST_CASE("labels beside points cover neither each other nor the points") {
  std::vector<point> points;
  std::vector<std::string> names;
  for (int i = 0; i < 8; ++i) {
    points.push_back({200.0 + 9 * i, 200.0 + 4 * (i % 3)});
    names.push_back("optimizer" + std::to_string(i));
  }
  const auto labels = place_labels(points, names, {0, 0, 560, 400});
  std::vector<box> boxes;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const double wide = text_width(names[i], 12);
    const char anchor = labels[i].anchor[0];
    const double left = labels[i].at.x - (anchor == 's' ? 0 : anchor == 'e' ? wide : wide / 2);
    boxes.push_back({left, labels[i].at.y - 10, wide, 12});
    CHECK(left >= 0);
    CHECK(left + wide <= 560);
  }
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) CHECK_FALSE(boxes[i].meets(boxes[j]));
    for (const point& p : points) CHECK_FALSE(boxes[i].meets({p.x - 3, p.y - 3, 6, 6}));
  }
}

TEST_CASE("svg escapes what it is given and stays well-formed") {
  CHECK(escaped("a<b & \"c\"'\x01") == "a&lt;b &amp; &quot;c&quot;&#39; ");
  svg out{10, 10, "<title> & more"};
  out.open("a\"b", "tip < tip");
  out.text({1, 2}, "x < y & z", "label", "end", -90);
  out.path({{1, 2}, {3, not_a_number}, {5, 6}, {7, 8}}, "curve");
  out.close();
  CHECK(xml::problem(out.str()) == "");
  CHECK(has(out.str(), "d=\"M1.0 2.0M5.0 6.0L7.0 8.0\""));
  CHECK(has(out.str(), "x &lt; y &amp; z"));
}

TEST_CASE("charts are well-formed for hostile names, diverged runs, zeros and nothing at all") {
  const std::string evil = "a<script>&\"'";
  const std::vector<series> curves{{evil, {1, 2, 3}, {2.0, 1.0, 0.1}},
                                   {"b", {1, 2, 3}, {2.0, infinite, not_a_number}},
                                   {"c", {1, 2, 3}, {2.0, 1e9, 1e30}},
                                   {"none", {}, {}}};
  const auto lines = line_chart(curves, plain, true, "reference", 0.5);
  CHECK(xml::problem(lines) == "");
  CHECK(has(lines, "(log scale)"));
  CHECK(lines.find("<script>") == std::string::npos);
  CHECK(lines.find("nan") == std::string::npos);
  CHECK(lines.find("inf") == std::string::npos);
  CHECK(xml::problem(line_chart({}, plain, false)) == "");

  const auto scatter = scatter_chart(
      {{evil, 0, 88, 0.1}, {"b", 1e6, 89, 0}, {"c", 2e6, not_a_number, 0}, {"d", 3e6, 10, 0}}, plain, true);
  CHECK(xml::problem(scatter) == "");
  CHECK(has(scatter, "c (diverged)"));
  CHECK(has(scatter, "d (10)"));
  CHECK(xml::problem(scatter_chart({}, plain, true)) == "");

  CHECK(xml::problem(bar_chart({{evil, "1 ms", 1, 0}, {"b", "0 ms", 0, 1}}, plain)) == "");
  CHECK(xml::problem(bar_chart({}, plain)) == "");
}

TEST_CASE("bars stand in order of their values") {
  const auto chart = bar_chart({{"slow", "9", 9, 0}, {"fast", "1", 1, 1}}, plain);
  CHECK(chart.find("fast") < chart.find("slow"));
}

TEST_CASE("series get distinct looks: ten colours, then dashes") {
  CHECK(series_class(3) == "s3 dash0");
  CHECK(series_class(13) == "s3 dash1");
  CHECK(series_class(23) == "s3 dash2");
}
