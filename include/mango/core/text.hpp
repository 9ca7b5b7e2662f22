#pragma once
// Sentences out of words and numbers. Error messages are most of the code of a small library, and std::string costs
// each translation unit 0.1 s and in C++20 is compiled anew in each; so these few functions stay out of line and do
// without.
#include <charconv>
#include <concepts>
#include <initializer_list>
#include <string_view>

#include "mango/core/growable.hpp"

namespace mango::inline MANGO_ABI {

/// Owned characters, ended by a zero. Converts to std::string_view, and to std::string where that is known.
class text {
 public:
  text() = default;
  explicit text(std::string_view s) { append(s); }
  text(text&&) = default;
  text(const text& other) { append(other); }
  text& operator=(text&&) = default;
  text& operator=(const text& other) { return *this = text(other); }

  __attribute__((noinline)) text& append(std::string_view s) {
    of_.append(s.data(), s.size(), 1, 1);
    static_cast<char*>(of_.data)[of_.size] = 0;
    return *this;
  }
  text& operator+=(std::string_view s) { return append(s); }
  std::size_t size() const { return of_.size; }
  bool empty() const { return of_.size == 0; }
  const char* c_str() const { return of_.data ? static_cast<const char*>(of_.data) : ""; }
  operator std::string_view() const { return {c_str(), of_.size}; }
  template <class String>
  requires requires(String s) {
    s.append("", std::size_t{});
    s.shrink_to_fit();
  }
  operator String() const { return String(c_str(), of_.size); }
  friend bool operator==(const text& a, std::string_view b) { return std::string_view(a) == b; }
  friend bool operator==(const text& a, const text& b) { return a == std::string_view(b); }

 private:
  growable of_;
};

/// The digits of a number, on the stack: shortest form that reads back as the same number, whatever the locale.
class digits {
 public:
  __attribute__((noinline)) explicit digits(double x)
      : size_(static_cast<int>(std::to_chars(text_, text_ + sizeof text_, x).ptr - text_)) {}
  explicit digits(float x) : digits(static_cast<double>(x)) {}
  explicit digits(long long x)
      : digits(x < 0 ? 0 - static_cast<unsigned long long>(x) : static_cast<unsigned long long>(x), x < 0) {}
  explicit digits(unsigned long long x) : digits(x, false) {}
  template <std::signed_integral Integer> explicit digits(Integer x) : digits(static_cast<long long>(x)) {}
  template <std::unsigned_integral Integer> explicit digits(Integer x) : digits(static_cast<unsigned long long>(x)) {}
  operator std::string_view() const { return {text_, static_cast<std::size_t>(size_)}; }

 private:
  __attribute__((noinline)) digits(unsigned long long rest, bool negative) {
    char* at = text_ + sizeof text_;
    do *--at = static_cast<char>('0' + rest % 10);
    while (rest /= 10);
    if (negative) *--at = '-';
    for (; at + size_ < text_ + sizeof text_; ++size_) text_[size_] = at[size_];
  }
  char text_[40];
  int size_ = 0;
};

/// All pieces, one after the other.
__attribute__((noinline)) inline text concat(std::initializer_list<std::string_view> pieces) {
  text out;
  for (const auto& p : pieces) out.append(p);
  return out;
}

/// Text from outside, made safe to print: control bytes escaped as \xNN, cut to 200 bytes, in single quotes.
__attribute__((noinline)) inline text quoted(std::string_view s) {
  constexpr char hex[] = "0123456789abcdef";
  char out[4 * 200 + 8];
  char* end = out;
  *end++ = '\'';
  for (std::size_t i = 0; i < s.size() && i < 200; ++i) {
    const auto byte = static_cast<unsigned char>(s[i]);
    if (byte >= 32 && byte != 127) {
      *end++ = s[i];
      continue;
    }
    for (const char c : {'\\', 'x', hex[byte >> 4], hex[byte & 15]}) *end++ = c;
  }
  for (int dots = s.size() > 200 ? 3 : 0; dots > 0; --dots) *end++ = '.';
  *end++ = '\'';
  return text({out, static_cast<std::size_t>(end - out)});
}

/// `pattern` with every {name} replaced by a value. Names are told apart by their first letter: `letters` lists these,
/// in the order of the values, and a pattern has no others.
__attribute__((noinline)) inline text fill(const char* pattern, const char* letters, const std::string_view* values) {
  text out;
  for (const char* at = pattern; *at; ++at) {
    const char* const from = at;
    while (*at && *at != '{') ++at;
    out.append({from, static_cast<std::size_t>(at - from)});
    if (!*at) break;
    std::size_t i = 0;
    while (letters[i] != at[1]) ++i;
    out.append(values[i]);
    while (*at != '}') ++at;
  }
  return out;
}

}  // namespace mango
