#pragma once
// Parameter groups: which tensors get other hyperparameters than the rest.
#include "mango/core/shape.hpp"

namespace mango::inline MANGO_ABI {

/// Which tensors a group takes. A tensor matches when every condition holds; the defaults hold for all.
///   names   glob patterns separated by commas, any of which may match: "*.bias,*.norm.*"; empty: every name
///   min_dimensions, max_dimensions of the shape: {.max_dimensions = 1} is biases and norms
///   min_elements, max_elements of the tensor
struct tensor_filter {
  std::string_view names = {};
  int min_dimensions = 0, max_dimensions = shape::max_dimensions;
  index_t min_elements = 0, max_elements = PTRDIFF_MAX;
};

/// '*' is any text, '?' any one character, everything else itself. Linear in both, whatever the pattern.
__attribute__((noinline)) constexpr bool matches(std::string_view pattern, std::string_view name) {
  std::size_t p = 0, n = 0, star = std::string_view::npos, mark = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p, ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

namespace detail {

// whether the filter, with these name patterns, takes a tensor of this name and shape.
__attribute__((noinline)) inline bool matches_filter(const tensor_filter& f, std::string_view names,
                                                     std::string_view name, const shape& s) {
  bool named = names.empty();
  while (!names.empty() && !named) {
    const auto comma = names.find(',');
    named = matches(names.substr(0, comma), name);
    names = comma == names.npos ? std::string_view{} : names.substr(comma + 1);
  }
  return named && s.dimensions() >= f.min_dimensions && s.dimensions() <= f.max_dimensions &&
         s.elements() >= f.min_elements && s.elements() <= f.max_elements;
}

// a filter and its patterns, which outlive the caller's text
struct kept_filter {
  text names;
  tensor_filter filter;
};
}  // namespace detail

}  // namespace mango
