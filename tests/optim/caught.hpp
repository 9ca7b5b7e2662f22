#pragma once
// the error that a call raises, to look at
#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "mango/core/error.hpp"

namespace optim_test {

/// The code of what caught() returns when nothing was raised: one failure, and not one for every field.
inline constexpr mango::errc nothing_raised{255};

/// What `call` raised. When it raised nothing the test fails here.
template <class Call> mango::error caught(Call&& call) {
  try {
    call();
  } catch (const mango::error& e) {
    return e;
  }
  FAIL_CHECK("nothing was raised");
  return {nothing_raised, "nothing was raised"};
}

inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

/// The error has this code and subject, and its sentence names the subject.
inline void check_error(const mango::error& e, mango::errc code, std::string_view subject) {
  if (e.code() == nothing_raised) return;
  CAPTURE(std::string(e.what()));
  CHECK(e.code() == code);
  CHECK(e.subject() == subject);
  CHECK(contains(e.what(), subject));
}

/// The same, with both numbers in the fields and in the sentence.
inline void check_error(const mango::error& e, mango::errc code, std::string_view subject, long long expected,
                        long long got) {
  check_error(e, code, subject);
  if (e.code() == nothing_raised) return;
  CAPTURE(std::string(e.what()));
  CHECK(e.expected() == expected);
  CHECK(e.got() == got);
  CHECK(contains(e.what(), std::to_string(expected)));
  CHECK(contains(e.what(), std::to_string(got)));
}

}  // namespace optim_test
