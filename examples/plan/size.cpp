#include "plan/size.hpp"

#include <array>
#include <charconv>
#include <string>

namespace plan {
namespace {

struct unit {
  const char* word;
  bytes_t bytes;
};
constexpr std::array units{
    unit{"", 1},
    unit{"b", 1},
    unit{"kb", 1'000},
    unit{"mb", 1'000'000},
    unit{"gb", 1'000'000'000},
    unit{"tb", 1'000'000'000'000},
    unit{"kib", bytes_t{1} << 10},
    unit{"mib", bytes_t{1} << 20},
    unit{"gib", bytes_t{1} << 30},
    unit{"tib", bytes_t{1} << 40},
};

}  // namespace

std::optional<bytes_t> parse_bytes(std::string_view text) {
  bytes_t whole = 0;
  const char* const last = text.data() + text.size();
  const auto [end, code] = std::from_chars(text.data(), last, whole);
  if (code != std::errc{}) return {};
  double fraction = 0;
  const char* at = end;
  if (at != last && *at == '.') {
    const auto [after, wrong] = std::from_chars(at, last, fraction, std::chars_format::fixed);
    if (wrong != std::errc{}) return {};
    at = after;
  }
  if (at != last && *at == ' ') ++at;
  std::string word{at, last};
  for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  for (const unit& u : units) {
    bytes_t total = 0;
    if (word != u.word) continue;
    if (__builtin_mul_overflow(whole, u.bytes, &total)) return {};
    total += static_cast<bytes_t>(fraction * static_cast<double>(u.bytes));
    return total > 0 && total < bytes_t{1} << 62 ? std::optional{total} : std::nullopt;
  }
  return {};
}

}  // namespace plan
