#pragma once
// numbers as people read them
#include <string>

namespace compare {

/// printf into a std::string.
[[gnu::format(printf, 1, 2)]] std::string print(const char* format, ...);

/// "1.88 MB", "812 B": decimal units, three significant digits.
std::string bytes_text(double bytes);

/// "300 kB", "1 MB": the same without trailing zeros, for round numbers.
std::string round_bytes_text(double bytes);

/// "11.2k", "948", "1.03M": three significant digits.
std::string count_text(double count);

/// "1,882,384": every digit, grouped by thousands.
std::string grouped(unsigned long long value);

/// "45s", "3m 07s", "1h 02m".
std::string duration_text(double seconds);

/// `text` in single quotes when a shell would not take it literally.
std::string shell_quoted(const std::string& text);

}  // namespace compare
