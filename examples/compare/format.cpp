#include "compare/format.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdarg>
#include <cstdio>

namespace compare {
namespace {

// Three significant digits with the unit that leaves one to three of them before the point.
std::string scaled(double value, const std::array<const char*, 5>& units) {
  std::size_t u = 0;
  while (u + 1 < units.size() && std::abs(value) >= 999.5) {
    value /= 1000.0;
    ++u;
  }
  const double size = std::abs(value);
  const int digits = u == 0 || size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
  return print("%.*f%s", digits, value, units[u]);
}

}  // namespace

std::string print(const char* format, ...) {
  std::va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  std::string out(static_cast<std::size_t>(std::max(0, std::vsnprintf(nullptr, 0, format, args))), '\0');
  std::vsnprintf(out.data(), out.size() + 1, format, again);
  va_end(again);
  va_end(args);
  return out;
}

std::string bytes_text(double bytes) { return scaled(bytes, {" B", " kB", " MB", " GB", " TB"}); }

std::string round_bytes_text(double bytes) {
  constexpr std::array units{"B", "kB", "MB", "GB", "TB"};
  std::size_t u = 0;
  for (; u + 1 < units.size() && bytes >= 1000.0; ++u) bytes /= 1000.0;
  return print("%g %s", bytes, units[u]);
}

std::string count_text(double count) { return scaled(count, {"", "k", "M", "G", "T"}); }

std::string grouped(unsigned long long value) {
  std::string out = std::to_string(value);
  for (std::ptrdiff_t at = static_cast<std::ptrdiff_t>(out.size()) - 3; at > 0; at -= 3) {
    out.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return out;
}

std::string duration_text(double seconds) {
  const long long s = std::llround(std::max(0.0, std::min(seconds, 3.6e6)));
  if (s < 60) return print("%llds", s);
  if (s < 3600) return print("%lldm %02llds", s / 60, s % 60);
  return print("%lldh %02lldm", s / 3600, s / 60 % 60);
}

std::string shell_quoted(const std::string& text) {
  constexpr const char* plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%";
  if (!text.empty() && text.find_first_not_of(plain) == std::string::npos) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string{"'\\''"} : std::string{c};
  return out + "'";
}

}  // namespace compare
