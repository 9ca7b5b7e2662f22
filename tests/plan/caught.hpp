#pragma once
// what reading a model throws
#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "compare/has.hpp"
#include "plan/error.hpp"

/// Whether f throws a plan::error of this kind, with every piece in its sentence; a failure shows what happened.
template <class F, class... Piece> bool refuses(plan::problem kind, F&& f, const Piece&... pieces) {
  try {
    f();
  } catch (const plan::error& e) {
    const std::string sentence = e.what();
    if (e.kind != kind) MESSAGE("another kind: ", sentence);
    const bool one_line = sentence.find('\n') == std::string::npos;
    return e.kind == kind && one_line && (has(sentence, pieces) && ...);
  }
  MESSAGE("nothing was thrown");
  return false;
}
