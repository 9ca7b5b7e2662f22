// core/error.hpp and core/text.hpp: sentences, and the exception that carries one
#include "mango/core/error.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <limits>
#include <set>
#include <string>

#include "support/random.hpp"

using namespace mango;

namespace {

template <class Number> std::string in_digits(Number x) { return std::string(std::string_view(digits(x))); }

}  // namespace

TEST_CASE("core text: the digits of integers") {
  CHECK(in_digits(0) == "0");
  CHECK(in_digits(-1) == "-1");
  CHECK(in_digits(1234567890123ll) == "1234567890123");
  CHECK(in_digits(std::numeric_limits<long long>::max()) == "9223372036854775807");
  CHECK(in_digits(std::numeric_limits<long long>::min()) == "-9223372036854775808");
  CHECK(in_digits(std::size_t{42}) == "42");
  CHECK(in_digits(static_cast<std::uint8_t>(200)) == "200");
}

TEST_CASE("core text: the digits of a double are the shortest that read back") {
  CHECK(in_digits(0.1) == "0.1");
  CHECK(in_digits(1.0) == "1");
  CHECK(in_digits(-2.5) == "-2.5");
  CHECK(in_digits(1e30) == "1e+30");
  CHECK(in_digits(-0.0) == "-0");
  CHECK(in_digits(std::numeric_limits<double>::infinity()) == "inf");
  CHECK(in_digits(std::numeric_limits<double>::quiet_NaN()) == "nan");
  support::random source(1);
  int wrong = 0;
  const auto check = [&](double x) { wrong += std::strtod(in_digits(x).c_str(), nullptr) != x; };
  for (int i = 0; i < 2000; ++i) check(std::bit_cast<double>(source.next() & 0xffefffffffffffffu));
  for (const double x : {std::numeric_limits<double>::lowest(), -std::numeric_limits<double>::denorm_min()}) check(x);
  CHECK(wrong == 0);
}

TEST_CASE("core text: the digits of every type of number read back") {
  CHECK(in_digits(0.5f) == "0.5");
  CHECK(in_digits(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
}

TEST_CASE("core text: owned characters") {
  text empty;
  CHECK((empty.empty() && empty.size() == 0 && empty == "" && *empty.c_str() == 0));
  text a("dense1.weight"), b(a);
  b += ".m";
  CHECK((a == "dense1.weight" && b == "dense1.weight.m"));
  CHECK((b.size() == 15 && b.c_str()[15] == 0));
  a = b;
  CHECK((a == std::string_view(b) && a.c_str() != b.c_str()));
  const char* const at = b.c_str();
  const text moved(std::move(b));
  CHECK((moved.c_str() == at && b.empty()));  // NOLINT(bugprone-use-after-move)
  const std::string standard = moved;
  CHECK(standard == "dense1.weight.m");
  text grown;
  for (int i = 0; i < 1000; ++i) grown += "ab";
  CHECK(std::string(grown) == [] {
    std::string s;
    for (int i = 0; i < 1000; ++i) s += "ab";
    return s;
  }());
  CHECK(grown.append("").size() == 2000);
}

TEST_CASE("core text: a part of itself can be appended") {
  const std::string start = "0123456789abcdefghijklmnopqrstuvwxyz";
  text all(start);
  for (int i = 0; i < 3; ++i) all.append(all);
  CHECK(std::string(all) == start + start + start + start + start + start + start + start);
}

TEST_CASE("core text: pieces are joined") {
  CHECK(concat({}).empty());
  CHECK(concat({"a", "", "bc", digits(7)}) == "abc7");
  CHECK(concat({std::string_view("a\0b", 3)}).size() == 3);
}

TEST_CASE("core text: a pattern is filled, and what fills it is not a pattern") {
  const std::string_view values[] = {"1", "22", "{a}"};
  CHECK(fill("", "abc", values).empty());
  CHECK(fill("no names", "abc", values) == "no names");
  CHECK(fill("{a}", "abc", values) == "1");
  CHECK(fill("{a} and {beta}, {a}{b}.", "abc", values) == "1 and 22, 122.");
  CHECK(fill("{c}!", "abc", values) == "{a}!");
}

TEST_CASE("core text: text from outside cannot control a terminal") {
  CHECK(quoted("") == "''");
  CHECK(quoted("dense1.weight") == "'dense1.weight'");
  CHECK(quoted("a\nb\x1b[31m\x7f") == "'a\\x0ab\\x1b[31m\\x7f'");
  CHECK(quoted(std::string_view("\0", 1)) == "'\\x00'");
  CHECK(quoted("\xc3\xa9") == "'\xc3\xa9'");  // UTF-8 stays readable
  const std::string exact(200, 'x'), longer(201, 'x');
  CHECK(quoted(exact) == "'" + exact + "'");
  CHECK(quoted(longer) == "'" + exact + "...'");
}

TEST_CASE("core error: a word for every code") {
  std::set<std::string> words;
  for (int code = 0; code <= static_cast<int>(errc::state_checksum); ++code)
    words.insert(name_of(static_cast<errc>(code)));
  CHECK(words.size() == 41);
  CHECK(name_of(errc::config) == std::string("config"));
  CHECK(name_of(errc::unknown_tensor) == std::string("unknown_tensor"));
  CHECK(name_of(errc::misaligned_span) == std::string("misaligned_span"));
  CHECK(name_of(errc::nonfinite) == std::string("nonfinite"));
  CHECK(name_of(errc::memory) == std::string("memory"));
  CHECK(name_of(errc::device) == std::string("device"));
}

TEST_CASE("core error: raise throws what it was given") {
  try {
    raise(errc::size, "tensor {subject} has {got} {word}, expected {expected}{other}", 4, -3, "w\n", "elements", "!");
    FAIL("nothing was thrown");
  } catch (const std::exception& e) {
    const auto& ours = dynamic_cast<const error&>(e);
    CHECK(std::string(e.what()) == "tensor 'w\\x0a' has -3 elements, expected 4!");
    CHECK(ours.code() == errc::size);
    CHECK(ours.kind() == std::string("size"));
    CHECK(ours.subject() == "w\n");
    CHECK((ours.expected() == 4 && ours.got() == -3));
  }
}

TEST_CASE("core error: from pieces, and copied") {
  try {
    raise(errc::config, {"b1 is ", digits(1.5)}, "b1");
    FAIL("nothing was thrown");
  } catch (const error& e) {
    CHECK((e.code() == errc::config && e.subject() == "b1" && e.expected() == 0 && e.got() == 0));
    CHECK(std::string(e.what()) == "b1 is 1.5");
    error copy(errc::order, "twice");
    CHECK(std::string(copy.what()) == "twice");
    copy = e;
    CHECK((copy.code() == errc::config && copy.subject() == "b1" && std::string(copy.what()) == "b1 is 1.5"));
    CHECK(copy.what() != e.what());
  }
}
