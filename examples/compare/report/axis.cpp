#include "compare/report/axis.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "compare/format.hpp"

namespace compare {
namespace {

// The tolerance lets an end that is a round number up to rounding keep its tick.
constexpr double slack = 1e-9;

std::vector<tick> mantissa_ticks(double low, double high, std::span<const double> mantissas, int every) {
  std::vector<tick> out;
  const int from = static_cast<int>(std::floor(std::log10(low))), to = static_cast<int>(std::ceil(std::log10(high)));
  for (int decade = from; decade <= to; ++decade) {
    if (decade % every != 0) continue;
    for (const double m : mantissas) {
      const double value = m * std::pow(10.0, decade);
      if (value >= low * (1 - slack) && value <= high * (1 + slack)) out.push_back({value, print("%g", value)});
    }
  }
  return out;
}

}  // namespace

std::string tick_text(double value, double step) {
  const int digits = std::clamp(static_cast<int>(-std::floor(std::log10(step) + slack)), 0, 9);
  return print("%.*f", digits, std::abs(value) < step * slack ? 0.0 : value);
}

std::vector<tick> linear_ticks(double low, double high, std::size_t most) {
  std::vector<tick> out;
  if (!(high > low) || most < 2) return out;
  const double least = (high - low) / static_cast<double>(most);
  const double power = std::pow(10.0, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0, 10.0, 20.0}) {
    const double step = factor * power;
    const double begin = std::ceil(low / step - slack), end = std::floor(high / step + slack);
    if (end - begin + 1 > static_cast<double>(most)) continue;
    for (double i = begin; i <= end; ++i) out.push_back({i * step, tick_text(i * step, step)});
    break;
  }
  return out;
}

std::vector<tick> log_ticks(double low, double high, std::size_t most) {
  if (!(low > 0.0) || !(high > low)) return {};
  constexpr std::array dense{1.0, 1.5, 2.0, 3.0, 5.0, 7.0};
  constexpr std::array fine{1.0, 2.0, 5.0};
  constexpr std::array middle{1.0, 3.0};
  constexpr std::array coarse{1.0};
  for (const std::span<const double> mantissas :
       {std::span<const double>{dense}, std::span<const double>{fine}, std::span<const double>{middle}}) {
    auto out = mantissa_ticks(low, high, mantissas, 1);
    if (out.size() < 2) return linear_ticks(low, high, most);
    if (out.size() <= most) return out;
  }
  for (int every = 1;; ++every) {
    auto out = mantissa_ticks(low, high, coarse, every);
    if (out.size() <= most) return out;
  }
}

double axis::at(double value) const {
  const double share = log ? std::log(value / low) / std::log(high / low) : (value - low) / (high - low);
  return first + share * (last - first);
}

axis padded(double low, double high, double share, bool log) {
  if (log) {
    if (!(high > low)) high = low *= std::sqrt(0.5), high *= 2.0;
    const double factor = std::pow(high / low, share);
    return {.low = low / factor, .high = high * factor, .log = true};
  }
  if (!(high > low)) low -= 0.5, high = low + 1.0;
  const double margin = share * (high - low);
  return {.low = low - margin, .high = high + margin};
}

}  // namespace compare
