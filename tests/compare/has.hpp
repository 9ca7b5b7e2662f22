#pragma once
// CHECK(has(text, piece)): whether a text holds another; a failure shows both
#include <doctest/doctest.h>

#include <string>
#include <string_view>

inline bool has(const std::string& text, std::string_view piece) {
  const bool found = text.find(piece) != std::string::npos;
  if (!found) MESSAGE("\"", std::string{piece}, "\" is not in: ", text.substr(0, 2000));
  return found;
}
