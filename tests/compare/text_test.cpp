#include <doctest/doctest.h>

#include <cmath>

#include "compare/data/bytes.hpp"
#include "compare/data/text.hpp"
#include "has.hpp"
#include "scratch.hpp"

using namespace compare;
using doctest::Approx;
using scratch::bytes;

TEST_CASE("text: the vocabulary is the bytes found, the last tenth validates") {
  const bytes content{'b', 'a', 'z', 'a', 'b', 'a', 'a', 'a', 'z', 'b', 'z', 'a'};
  const text_data text = make_text("t", content);
  CHECK(text.vocabulary == bytes{'a', 'b', 'z'});
  CHECK(text.train == bytes{1, 0, 2, 0, 1, 0, 0, 0, 2, 1, 2});
  CHECK(text.validation == bytes{0});
}

TEST_CASE("text: a folder is its text files in name order, without links and binary files") {
  const scratch::folder f;
  f.write("b", bytes(60'000, 'b'));
  f.write("a", bytes(60'000, 'a'));
  f.write("c", bytes{'x', 0, 'y'});
  std::filesystem::create_symlink(f.path() / "a", f.path() / "link");
  const text_data text = read_text(f.path());
  CHECK(text.vocabulary == bytes{'a', 'b'});
  CHECK(text.train.size() == 108'000);
  CHECK(text.validation.size() == 12'000);
  CHECK(text.train.front() == 0);
  CHECK(text.validation.back() == 1);
  CHECK(read_text(f.write_gzip("packed", bytes(100'000, 'q'))).train.size() == 90'000);
}

TEST_CASE("text: too little or nothing is one sentence") {
  const scratch::folder f;
  const auto sentence = [](const std::filesystem::path& path) {
    return scratch::sentence_of<data_error>([&] { read_text(path); });
  };
  CHECK(has(sentence(f.write("short.txt", bytes(99'999, 'a'))), "short.txt' holds 99999 bytes"));
  CHECK(has(sentence(f.path() / "missing.txt"), "missing.txt' does not exist"));
}

TEST_CASE("unigram entropy: log 2 for a fair coin, 0 for one symbol, and a hand-computed case") {
  CHECK(unigram_entropy(bytes{0, 1, 0, 1}) == Approx(std::log(2.0)));
  CHECK(unigram_entropy(bytes{5, 5, 5}) == Approx(0.0));
  CHECK(unigram_entropy(bytes{0, 0, 0, 1}) == Approx(0.75 * std::log(4.0 / 3.0) + 0.25 * std::log(4.0)));
}
