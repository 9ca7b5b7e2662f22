#pragma once
// one live line per run on a terminal, one plain line per tenth elsewhere
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>

namespace compare {

/// Everything a progress line shows.
struct progress_state {
  std::string label;  ///< "adamw seed 1"
  std::size_t step = 0, steps = 0;
  double loss = 0.0, learning_rate = 0.0;
  double rate = 0.0;  ///< units per second
  double seconds_left = 0.0;
  std::string unit;  ///< "images" or "tokens"
};

/// The line, at most `width` columns: parts that do not fit are left off from the right. `colour` wraps the bar in ANSI
/// codes, which take no columns.
std::string progress_line(const progress_state& s, std::size_t width, bool colour);

/// Where the lines go and how.
struct progress_style {
  std::FILE* out = stderr;
  bool live = false;  ///< rewrite one line
  bool colour = false;
  std::size_t width = 100;
  bool quiet = false;
};

/// live when `out` is a terminal; colour when, besides, NO_COLOR is unset or empty and TERM is not "dumb".
progress_style detect_style(std::FILE* out, bool quiet);

/// Writes at most ten live lines a second, or one plain line per tenth of the run.
class progress {
 public:
  progress(progress_style style, std::string label, std::string unit, std::size_t steps);

  /// True when show() would write now: lets the caller skip preparing a line nobody sees.
  [[nodiscard]] bool due(std::size_t step) const;
  void show(std::size_t step, double loss, double learning_rate, double units_done);
  /// Replaces the live line by `summary`, or prints it on a line of its own.
  void finish(const std::string& summary);

 private:
  using clock = std::chrono::steady_clock;
  progress_style style_;
  progress_state state_;
  clock::time_point begin_, last_;
  std::size_t next_tenth_ = 1;
};

}  // namespace compare
