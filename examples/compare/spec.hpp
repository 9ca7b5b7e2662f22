#pragma once
// optimizer specs: "name" or "name:key=value,key=value"
#include <charconv>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "compare/format.hpp"

namespace compare {

constexpr std::string_view name_in(std::string_view spec) { return spec.substr(0, spec.find(':')); }

/// The value of `key` in the spec.
constexpr std::optional<std::string_view> option_in(std::string_view spec, std::string_view key) {
  const auto colon = spec.find(':');
  for (auto rest = colon == spec.npos ? std::string_view{} : spec.substr(colon + 1); !rest.empty();) {
    const auto comma = rest.find(','), equals = rest.find('=');
    if (equals < comma && rest.substr(0, equals) == key) return rest.substr(equals + 1, comma - equals - 1);
    rest = comma == rest.npos ? std::string_view{} : rest.substr(comma + 1);
  }
  return std::nullopt;
}

/// The learning rate that a spec fixes, if any. Throws std::invalid_argument when it is not a number above zero: the
/// schedule is the comparison's, the spec only names its peak.
inline std::optional<double> rate_in(std::string_view spec) {
  const auto text = option_in(spec, "learning_rate");
  if (!text) return std::nullopt;
  double rate = 0.0;
  const auto [end, code] = std::from_chars(text->data(), text->data() + text->size(), rate);
  if (code != std::errc{} || end != text->data() + text->size() || !(rate > 0.0)) {
    throw std::invalid_argument("learning_rate in '" + std::string{spec} + "' wants a number above zero");
  }
  return rate;
}

/// The spec with the run's peak learning rate, and its seed for stochastic rounding and random projections, unless it
/// has its own.
inline std::string completed(std::string_view spec, double rate, std::uint64_t seed) {
  std::string line{spec};
  const auto append = [&](std::string_view key, const std::string& value) {
    if (option_in(spec, key)) return;
    line += (line.find(':') == line.npos ? ":" : ",") + std::string{key} + "=" + value;
  };
  append("learning_rate", print("%.9g", rate));
  append("seed", print("%llu", static_cast<unsigned long long>(seed)));
  return line;
}

}  // namespace compare
