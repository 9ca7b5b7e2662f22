#pragma once
// Sentences out of words and numbers. Error messages are the bulk of a small library's code; these few functions are
// kept out of line so that they cost little to compile and nothing to run.
#include <charconv>
#include <initializer_list>
#include <string>
#include <string_view>

#include "mango/core/types.hpp"

namespace mango::inline MANGO_ABI {

/// The digits of a number, on the stack: shortest form that reads back as the same number, whatever the locale.
class digits {
 public:
  __attribute__((noinline)) explicit digits(double x) : size_(static_cast<int>(std::to_chars(text_, text_ + sizeof text_, x).ptr - text_)) {}
  __attribute__((noinline)) explicit digits(long long x) {
    auto rest = x < 0 ? 0 - static_cast<unsigned long long>(x) : static_cast<unsigned long long>(x);
    char* at = text_ + sizeof text_;
    do *--at = static_cast<char>('0' + rest % 10);
    while (rest /= 10);
    if (x < 0) *--at = '-';
    for (; at + size_ < text_ + sizeof text_; ++size_) text_[size_] = at[size_];
  }
  template <class Integer> explicit digits(Integer x) : digits(static_cast<long long>(x)) {}
  operator std::string_view() const { return {text_, static_cast<std::size_t>(size_)}; }

 private:
  char text_[40];
  int size_ = 0;
};

/// All pieces, one after the other.
__attribute__((noinline)) inline std::string concat(std::initializer_list<std::string_view> pieces) {
  std::string out;
  for (const auto& p : pieces) out.append(p.data(), p.size());
  return out;
}

/// Text from outside, made safe to print: control bytes escaped as \xNN, cut to 200 bytes, in single quotes.
__attribute__((noinline)) inline std::string quoted(std::string_view text) {
  constexpr char hex[] = "0123456789abcdef";
  char out[4 * 200 + 8];
  char* end = out;
  *end++ = '\'';
  for (std::size_t i = 0; i < text.size() && i < 200; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 32 && byte != 127) {
      *end++ = text[i];
      continue;
    }
    for (const char c : {'\\', 'x', hex[byte >> 4], hex[byte & 15]}) *end++ = c;
  }
  for (int dots = text.size() > 200 ? 3 : 0; dots > 0; --dots) *end++ = '.';
  *end++ = '\'';
  return {out, static_cast<std::size_t>(end - out)};
}

/// `pattern` with every {name} replaced by the value of that name; a pattern names only what it is given.
struct named_value {
  std::string_view name, value;
};
__attribute__((noinline)) inline std::string fill(std::string_view pattern, std::initializer_list<named_value> values) {
  std::string out;
  while (!pattern.empty()) {
    const auto open = pattern.find('{');
    out.append(pattern.substr(0, open));
    if (open == pattern.npos) break;
    const auto name = pattern.substr(open + 1, pattern.find('}') - open - 1);
    for (const auto& v : values)
      if (v.name == name) out.append(v.value);
    pattern.remove_prefix(open + name.size() + 2);
  }
  return out;
}

}  // namespace mango
