#include "compare/report/html.hpp"

#include <algorithm>
#include <cmath>

#include "compare/format.hpp"
#include "compare/report/bar_chart.hpp"
#include "compare/report/grid.hpp"
#include "compare/report/line_chart.hpp"
#include "compare/report/scatter_chart.hpp"
#include "compare/report/style.hpp"
#include "compare/statistics.hpp"

namespace compare {
namespace {

// Spans 5 % of the training curve: wide enough to tell curves apart, too narrow to hide a jump.
std::vector<series> loss_curves(const experiment& e, const std::vector<row>& rows, std::vector<curve_point> row::*curve,
                                bool smoothed) {
  std::vector<series> out;
  const double scale = e.steps_per_epoch > 0 ? 1.0 / e.steps_per_epoch : 1.0;
  for (const row& r : rows) {
    series s{.name = r.figure.count > 0 ? r.optimizer : r.optimizer + " (diverged)"};
    for (const curve_point& p : r.*curve) {
      s.x.push_back(scale * static_cast<double>(p.step));
      s.y.push_back(p.loss);
    }
    if (smoothed) s.y = smooth(s.y, s.y.size() / 40);
    out.push_back(std::move(s));
  }
  return out;
}

std::string figure(const std::string& heading, const std::string& note, const std::string& chart) {
  return "<figure><figcaption><h2>" + escaped(heading) + "</h2><p>" + escaped(note) + "</p></figcaption>\n" + chart +
         "</figure>\n";
}

std::string loss_figures(const experiment& e, const std::vector<row>& rows) {
  const std::string x = e.steps_per_epoch > 0 ? "epochs" : "training steps";
  const std::string y = "cross-entropy, nats per " + std::string{e.classifies ? "image" : "token"};
  const std::string seeds =
      rows.empty() || rows.front().runs < 2 ? "" : print(" Mean of %zu seeds.", rows.front().runs);
  const std::string held = e.classifies ? "test" : "validation";
  std::string out =
      figure("Training loss", "Mean over the steps between two points, then over a window of 5 % of the run." + seeds,
             line_chart(loss_curves(e, rows, &row::train, true), {"train-clip", "Training loss", x, y}, false));
  out +=
      figure((e.classifies ? "Test loss" : "Validation loss"), "On the whole " + held + " set, not smoothed." + seeds,
             line_chart(loss_curves(e, rows, &row::held_out, false), {"held-clip", "Held-out loss", x, y}, true,
                        e.baseline_loss > 0 ? "unigram entropy" : "", e.baseline_loss));
  return out;
}

std::string scatter_figure(const experiment& e, const std::vector<row>& rows) {
  std::vector<mark> marks;
  for (const row& r : rows) {
    marks.push_back({r.optimizer, static_cast<double>(r.state_bytes), r.figure.count > 0 ? r.figure.mean : not_a_number,
                     r.figure.deviation});
  }
  const std::string heading =
      e.classifies ? "Accuracy against optimizer memory" : "Perplexity against optimizer memory";
  const std::string y = e.classifies ? "test accuracy, %" : "validation perplexity";
  return figure(heading, e.classifies ? "Up and to the left is better." : "Down and to the left is better.",
                scatter_chart(marks, {"memory", heading, "optimizer state, bytes (log scale)", y}, e.classifies));
}

std::string time_figure(const experiment& e, const std::vector<row>& rows) {
  std::vector<bar> bars;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const row& r = rows[i];
    const std::string ratio = r.time_ratio ? print(" (%.2gx)", *r.time_ratio) : "";
    bars.push_back({r.optimizer, print("%.3g ms", r.optimizer_ms) + ratio, r.optimizer_ms, i});
  }
  const bool ratios = !rows.empty() && rows.front().time_ratio.has_value();
  return figure("Time of the optimizer's step",
                print("Median of %s steps, %zu thread%s%s.", grouped(e.steps).c_str(), e.threads,
                      e.threads == 1 ? "" : "s", ratios ? "; multiples of adamw" : ""),
                bar_chart(bars, {"time", "Time of the optimizer's step", "milliseconds per step", ""}));
}

// The terminal's table keeps to ASCII, a page need not.
std::string typeset(std::string text) {
  for (auto at = text.find("+-"); at != std::string::npos; at = text.find("+-")) text.replace(at, 2, "\u00b1");
  return escaped(text);
}

std::string tile(const std::string& what, const std::string& value, const std::string& note) {
  return "<li><span>" + escaped(what) + "</span><b>" + escaped(value) + "</b><span>" + typeset(note) + "</span></li>\n";
}

std::string tiles(const experiment& e, const std::vector<row>& rows) {
  std::vector<const row*> good;
  for (const row& r : rows) {
    if (r.figure.count > 0) good.push_back(&r);
  }
  if (good.empty()) return {};
  const double sign = e.classifies ? -1.0 : 1.0;
  const row* best = *std::min_element(good.begin(), good.end(),
                                      [&](auto a, auto b) { return sign * a->figure.mean < sign * b->figure.mean; });
  // "As good": within one point of accuracy, or within 5 % of the perplexity.
  const double reach = e.classifies ? 1.0 : 0.05 * best->figure.mean;
  std::vector<const row*> near;
  std::copy_if(good.begin(), good.end(), std::back_inserter(near),
               [&](auto r) { return std::abs(r->figure.mean - best->figure.mean) <= reach; });
  const row* small =
      *std::min_element(near.begin(), near.end(), [](auto a, auto b) { return a->state_bytes < b->state_bytes; });
  const row* quick =
      *std::min_element(near.begin(), near.end(), [](auto a, auto b) { return a->optimizer_ms < b->optimizer_ms; });
  const std::string close = e.classifies ? "within 1 point of the best" : "within 5 % of the best";
  const auto quality = [&](const row* r) { return figure_text(*r, e.classifies); };
  const auto state = [](const row* r) {
    return bytes_text(static_cast<double>(r->state_bytes)) + print(" (%.2f B/parameter)", r->bytes_per_parameter());
  };
  return "<ul class=\"tiles\">\n" +
         tile(e.classifies ? "Most accurate" : "Lowest perplexity", best->optimizer,
              quality(best) + ", " + state(best)) +
         tile("Least memory " + close, small->optimizer, state(small) + ", " + quality(small)) +
         tile("Fastest step " + close, quick->optimizer, print("%.3g ms, ", quick->optimizer_ms) + quality(quick)) +
         "</ul>\n";
}

std::string html_table(const experiment& e, const std::vector<row>& rows) {
  const grid g = result_grid(e, rows);
  std::string out = "<div class=\"wide\"><table><thead><tr>";
  for (const auto& head : g.head) out += "<th>" + escaped(head) + "</th>";
  out += "</tr></thead><tbody>\n";
  for (std::size_t i = 0; i < g.rows.size(); ++i) {
    out += "<tr>";
    for (std::size_t c = 0; c < g.rows[i].size(); ++c) {
      const std::string key = c == 0 ? "<span class=\"key " + series_class(i) + "\"></span>" : "";
      const std::string css = g.rows[i][c] == "diverged" ? " class=\"bad\""
                              : c == 1 && g.best == i    ? " class=\"best\""
                                                         : "";
      out += "<td" + css + ">" + key + typeset(g.rows[i][c]) + "</td>";
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

std::string facts(const experiment& e, const std::vector<row>& rows) {
  std::string out = "<dl>";
  const auto add = [&](const std::string& name, const std::string& value) {
    out += "<dt>" + escaped(name) + "</dt><dd>" + escaped(value) + "</dd>";
  };
  add("Machine", e.machine);
  add("Build", e.build);
  add("Date", e.date);
  out += "</dl>\n";
  for (const row& r : rows) {
    out += "<details><summary>" + escaped(r.optimizer) + print(", learning rate %g", r.learning_rate) +
           "</summary><pre>" + escaped(r.description) + "</pre></details>\n";
  }
  return out;
}

}  // namespace

std::string html_report(const experiment& e, const std::vector<row>& rows) {
  const std::string parameters = rows.empty() ? "" : grouped(rows.front().parameters) + " parameters, ";
  const std::string title = e.model + " on " + e.data;
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/><title>" + escaped("mango: " + title) +
      "</title>\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<style>" + style_sheet +
      "</style></head>\n<body><main>\n<header><p class=\"brand\">mango compare</p><h1>" + escaped(title) + "</h1><p>" +
      escaped(print("%s%s; %zu optimizer%s, %s steps of %zu %s.", parameters.c_str(), e.model_summary.c_str(),
                    rows.size(), rows.size() == 1 ? "" : "s", grouped(e.steps).c_str(), e.batch,
                    e.classifies ? "images" : "windows")) +
      "</p></header>\n";
  out += tiles(e, rows);
  out +=
      "<div class=\"charts\">\n" + loss_figures(e, rows) + scatter_figure(e, rows) + time_figure(e, rows) + "</div>\n";
  out += "<section><h2>Results</h2><p>" + typeset(table_note(e)) + "</p>\n" + html_table(e, rows) + "</section>\n";
  out += "<section><h2>Repeat it</h2><pre>" + escaped(e.command) + "</pre>\n" + facts(e, rows) + "</section>\n";
  return out + "</main></body></html>\n";
}

}  // namespace compare
