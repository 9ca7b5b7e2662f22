#include <doctest/doctest.h>

#include <cstdio>

#include "compare/format.hpp"
#include "compare/progress.hpp"
#include "has.hpp"
#include "scratch.hpp"

using namespace compare;

namespace {

const progress_state halfway{.label = "adamw seed 1",
                             .step = 240,
                             .steps = 480,
                             .loss = 0.51234,
                             .learning_rate = 1e-3,
                             .rate = 11'234,
                             .seconds_left = 65,
                             .unit = "images"};

std::string written(progress_style style) {
  const scratch::folder f;
  const auto file = f.path() / "out";
  style.out = std::fopen(file.c_str(), "w");
  progress bar{style, "adamw seed 1", "images", 1000};
  for (std::size_t step = 1; step <= 1000; ++step) bar.show(step, 0.5, 1e-3, static_cast<double>(step));
  bar.finish("done");
  std::fclose(style.out);
  const auto content = scratch::read(file);
  return {content.begin(), content.end()};
}

std::size_t occurrences(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("numbers as people read them") {
  CHECK(bytes_text(0) == "0 B");
  CHECK(bytes_text(999) == "999 B");
  CHECK(bytes_text(999.7) == "1.00 kB");
  CHECK(bytes_text(1'882'384) == "1.88 MB");
  CHECK(bytes_text(18'823'840) == "18.8 MB");
  CHECK(round_bytes_text(200'000) == "200 kB");
  CHECK(count_text(11'234) == "11.2k");
  CHECK(count_text(948) == "948");
  CHECK(grouped(0) == "0");
  CHECK(grouped(123) == "123");
  CHECK(grouped(1'882'384) == "1,882,384");
  CHECK(duration_text(44.6) == "45s");
  CHECK(duration_text(187) == "3m 07s");
  CHECK(duration_text(3720) == "1h 02m");
  CHECK(shell_quoted("adamw:b2=0.9,stores=bf16") == "adamw:b2=0.9,stores=bf16");
  CHECK(shell_quoted("a b") == "'a b'");
  CHECK(shell_quoted("it's") == "'it'\\''s'");
  CHECK(shell_quoted("") == "''");
}

TEST_CASE("a progress line shows everything where there is room, and never exceeds its width") {
  const std::string line = progress_line(halfway, 160, false);
  for (const char* piece : {"adamw seed 1", "[##########----------]", " 50%", "loss 0.5123", "left 1m 05s",
                            "step 240/480", "lr 1.00e-03", "11.2k images/s"}) {
    CHECK(has(line, piece));
  }
  for (std::size_t width = 10; width < 160; ++width) CHECK(progress_line(halfway, width, false).size() <= width);
  CHECK(has(progress_line(halfway, 80, false), "loss 0.5123"));
}

TEST_CASE("colour adds escape codes and nothing else") {
  std::string line = progress_line(halfway, 100, true);
  CHECK(has(line, "\033["));
  for (auto at = line.find("\033["); at != std::string::npos; at = line.find("\033["))
    line.erase(at, line.find('m', at) - at + 1);
  CHECK(line == progress_line(halfway, 100, false));
}

TEST_CASE("away from a terminal: one plain line per tenth and the summary") {
  const std::string text = written({.live = false, .width = 160});
  CHECK(occurrences(text, "\n") == 11);
  CHECK(occurrences(text, "\r") == 0);
  CHECK(has(text, " 10%"));
  CHECK(has(text, "100%"));
  CHECK(has(text, "done\n"));
}

TEST_CASE("on a terminal: one line, rewritten at most ten times a second") {
  const std::string text = written({.live = true, .width = 100});
  CHECK(occurrences(text, "\n") == 1);
  CHECK(occurrences(text, "\r") >= 2);
  CHECK(occurrences(text, "\r") < 20);
}

TEST_CASE("quiet writes nothing; a file is no terminal and gets no colour") {
  CHECK(written({.quiet = true}).empty());
  const scratch::folder f;
  std::FILE* file = std::fopen((f.path() / "x").c_str(), "w");
  const progress_style style = detect_style(file, false);
  CHECK_FALSE(style.live);
  CHECK_FALSE(style.colour);
  std::fclose(file);
}
