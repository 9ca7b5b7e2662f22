#include "compare/report/label.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace compare {
namespace {

constexpr double font = 12.0;
constexpr double line_height = 14.0;

struct candidate {
  box area;
  placed label;
};

// Rings of growing radius, to the right and left first: near labels read best.
std::vector<candidate> candidates(point p, double width) {
  std::vector<candidate> out;
  for (const double radius : {9.0, 22.0, 36.0, 52.0, 70.0, 90.0}) {
    for (const double angle : {0.0, 180.0, -35.0, 35.0, -145.0, 145.0, -90.0, 90.0, -65.0, 65.0, -115.0, 115.0}) {
      const double turn = angle * 3.14159265358979 / 180.0;
      const double x = p.x + radius * std::cos(turn), y = p.y + radius * std::sin(turn);
      const char* anchor = std::abs(angle) == 90.0 ? "middle" : std::abs(angle) < 90.0 ? "start" : "end";
      const double left = anchor[0] == 's' ? x : anchor[0] == 'e' ? x - width : x - width / 2;
      out.push_back({{left - 1, y - line_height / 2, width + 2, line_height}, {{x, y + 4.0}, anchor, radius > 9.0}});
    }
  }
  return out;
}

bool inside(const box& area, const box& frame) {
  return area.x >= frame.x && area.x + area.width <= frame.x + frame.width && area.y >= frame.y &&
         area.y + area.height <= frame.y + frame.height;
}

}  // namespace

double text_width(const std::string& words, double size) {
  // 0.65 em is the mean advance of lower-case text in the widest font a browser picks for system-ui (DejaVu Sans).
  return 0.65 * size * static_cast<double>(words.size());
}

std::string shortened(const std::string& words, double size, double width) {
  if (text_width(words, size) <= width) return words;
  std::string out = words;
  while (!out.empty() && text_width(out + "...", size) > width) out.pop_back();
  return out + "...";
}

std::vector<double> spread_out(const std::vector<double>& wanted, double gap, double low, double high) {
  const std::size_t n = wanted.size();
  if (n == 0) return {};
  if (n > 1) gap = std::min(gap, (high - low) / static_cast<double>(n - 1));
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return wanted[a] < wanted[b]; });

  // Pool adjacent violators: u_k = wanted_k - k gap must not decrease; a block of pooled labels takes its mean.
  struct block {
    double sum;
    std::size_t count;
    [[nodiscard]] double mean() const { return sum / static_cast<double>(count); }
  };
  std::vector<block> blocks;
  for (std::size_t k = 0; k < n; ++k) {
    blocks.push_back({std::clamp(wanted[order[k]], low, high) - static_cast<double>(k) * gap, 1});
    while (blocks.size() > 1 && blocks[blocks.size() - 2].mean() > blocks.back().mean()) {
      const block last = blocks.back();
      blocks.pop_back();
      blocks.back() = {blocks.back().sum + last.sum, blocks.back().count + last.count};
    }
  }
  std::vector<double> out(n);
  std::size_t k = 0;
  const double most = high - static_cast<double>(n - 1) * gap;
  for (const block& b : blocks) {
    for (std::size_t i = 0; i < b.count; ++i, ++k) {
      out[order[k]] = std::clamp(b.mean(), low, std::max(low, most)) + static_cast<double>(k) * gap;
    }
  }
  return out;
}

std::vector<placed> place_labels(const std::vector<point>& points, const std::vector<std::string>& words,
                                 const box& frame) {
  std::vector<box> taken;
  for (const point& p : points) taken.push_back({p.x - 6, p.y - 6, 12, 12});
  std::vector<placed> out;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto options = candidates(points[i], text_width(words[i], font));
    const candidate* best = nullptr;
    std::size_t fewest = std::numeric_limits<std::size_t>::max();
    for (const candidate& c : options) {
      if (!inside(c.area, frame)) continue;
      std::size_t hits = 0;
      for (std::size_t j = 0; j < taken.size(); ++j) hits += c.area.meets(taken[j]) ? 1u : 0u;
      if (hits < fewest) {
        best = &c;
        fewest = hits;
      }
      if (hits == 0) break;
    }
    if (best == nullptr) best = &options.front();
    taken.push_back(best->area);
    out.push_back(best->label);
  }
  return out;
}

}  // namespace compare
