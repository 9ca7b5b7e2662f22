#pragma once
// writes SVG elements, escaped, coordinates rounded to a tenth of a pixel
#include <string>
#include <string_view>
#include <vector>

namespace compare {

/// `text` safe inside XML and HTML elements and double-quoted attributes.
std::string escaped(std::string_view text);

struct point {
  double x = 0.0, y = 0.0;
};

/// Collects elements; str() closes the document. Looks come from CSS classes, of the page around it or of style().
class svg {
 public:
  /// `title` is what a screen reader says.
  svg(double width, double height, std::string_view title);

  /// A style sheet, for a picture that stands on no page.
  void style(std::string_view sheet);
  void line(point a, point b, std::string_view css);
  void rect(point corner, double width, double height, std::string_view css, double radius = 0.0);
  void circle(point centre, double radius, std::string_view css);
  /// One path through the points; non-finite ones break it. `extra`: further attributes, already escaped.
  void path(const std::vector<point>& points, std::string_view css, std::string_view extra = {});
  /// anchor: start, middle or end. `turn`: degrees about `at`.
  void text(point at, std::string_view words, std::string_view css, std::string_view anchor = "start",
            double turn = 0.0);
  /// A group with a tooltip, until close().
  void open(std::string_view css, std::string_view tooltip);
  void close();
  /// A rectangle that clips what names it by url(#id).
  void clip(std::string_view id, point corner, double width, double height);

  [[nodiscard]] std::string str() const;

 private:
  std::string out_;
};

}  // namespace compare
