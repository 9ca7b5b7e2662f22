#include "compare/report/svg.hpp"

#include <cmath>

#include "compare/format.hpp"

namespace compare {
namespace {

std::string css_class(std::string_view css) { return css.empty() ? "" : " class=\"" + escaped(css) + "\""; }

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      // XML forbids the other control characters even as references.
      default: out += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? ' ' : c;
    }
  }
  return out;
}

svg::svg(double width, double height, std::string_view title)
    : out_{
          print("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %g %g\" role=\"img\"><title>", width, height) +
          escaped(title) + "</title>\n"} {}

void svg::style(std::string_view sheet) { out_ += "<style>" + std::string{sheet} + "</style>\n"; }

void svg::line(point a, point b, std::string_view css) {
  out_ += print("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"", a.x, a.y, b.x, b.y) + css_class(css) + "/>\n";
}

void svg::rect(point corner, double width, double height, std::string_view css, double radius) {
  out_ += print("<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"", corner.x, corner.y, width, height);
  if (radius > 0.0) out_ += print(" rx=\"%.1f\"", radius);
  out_ += css_class(css) + "/>\n";
}

void svg::circle(point centre, double radius, std::string_view css) {
  out_ += print("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"", centre.x, centre.y, radius) + css_class(css) + "/>\n";
}

void svg::path(const std::vector<point>& points, std::string_view css, std::string_view extra) {
  std::string d;
  bool pen_down = false;
  for (const point& p : points) {
    if (std::isfinite(p.x) && std::isfinite(p.y)) d += print("%c%.1f %.1f", pen_down ? 'L' : 'M', p.x, p.y);
    pen_down = std::isfinite(p.x) && std::isfinite(p.y);
  }
  if (!d.empty())
    out_ += "<path d=\"" + d + "\"" + css_class(css) + (extra.empty() ? "" : " ") + std::string{extra} + "/>\n";
}

void svg::text(point at, std::string_view words, std::string_view css, std::string_view anchor, double turn) {
  out_ += print("<text x=\"%.1f\" y=\"%.1f\"", at.x, at.y);
  if (anchor != "start") out_ += " text-anchor=\"" + std::string{anchor} + "\"";
  if (turn != 0.0) out_ += print(" transform=\"rotate(%g %.1f %.1f)\"", turn, at.x, at.y);
  out_ += css_class(css) + ">" + escaped(words) + "</text>\n";
}

void svg::open(std::string_view css, std::string_view tooltip) {
  out_ += "<g" + css_class(css) + "><title>" + escaped(tooltip) + "</title>\n";
}

void svg::close() { out_ += "</g>\n"; }

void svg::clip(std::string_view id, point corner, double width, double height) {
  out_ += "<clipPath id=\"" + escaped(id) + "\">";
  rect(corner, width, height, {});
  out_ += "</clipPath>\n";
}

std::string svg::str() const { return out_ + "</svg>\n"; }

}  // namespace compare
