#include "compare/progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "compare/format.hpp"

namespace compare {
namespace {

constexpr std::size_t bar_cells = 20;

std::string bar(double done, bool colour) {
  const auto full = static_cast<std::size_t>(done * static_cast<double>(bar_cells));
  const std::string on(full, '#'), off(bar_cells - full, '-');
  return colour ? print(" [\033[36m%s\033[2m%s\033[0m]", on.c_str(), off.c_str())
                : print(" [%s%s]", on.c_str(), off.c_str());
}

bool set_and_not_empty(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

}  // namespace

std::string progress_line(const progress_state& s, std::size_t width, bool colour) {
  const double done = s.steps == 0 ? 1.0 : std::min(1.0, static_cast<double>(s.step) / static_cast<double>(s.steps));
  std::string label = s.label.substr(0, std::min<std::size_t>(s.label.size(), width / 3));
  label.resize(std::max<std::size_t>(label.size(), std::min<std::size_t>(28, width / 3)), ' ');
  const std::string parts[] = {
      "",  // the bar: its colour codes take no columns
      print(" %3.0f%%", 100.0 * done),
      print("  loss %.4f", s.loss),
      "  left " + duration_text(s.seconds_left),
      "  " + count_text(s.rate) + " " + s.unit + "/s",
      print("  lr %.2e", s.learning_rate),
      print("  step %zu/%zu", s.step, s.steps),
  };
  std::string line = label;
  std::size_t columns = label.size();
  for (std::size_t i = 0; i < std::size(parts); ++i) {
    const std::size_t wide = i == 0 ? bar_cells + 3 : parts[i].size();
    if (columns + wide > width) break;
    line += i == 0 ? bar(done, colour) : parts[i];
    columns += wide;
  }
  return line;
}

progress_style detect_style(std::FILE* out, bool quiet) {
  progress_style style{.out = out, .quiet = quiet};
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || std::string_view{term} == "dumb";
  style.live = isatty(fileno(out)) == 1 && !dumb;
  style.colour = style.live && !set_and_not_empty("NO_COLOR");
  winsize size{};
  // The last column stays free: a full line would make some terminals wrap.
  if (style.live && ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 20) style.width = size.ws_col - 1u;
  if (!style.live) style.width = 160;
  return style;
}

progress::progress(progress_style style, std::string label, std::string unit, std::size_t steps)
    : style_{style}, begin_{clock::now()}, last_{begin_ - std::chrono::seconds{1}} {
  state_.label = std::move(label);
  state_.unit = std::move(unit);
  state_.steps = std::max<std::size_t>(1, steps);
}

bool progress::due(std::size_t step) const {
  if (style_.quiet) return false;
  if (style_.live) return clock::now() - last_ >= std::chrono::milliseconds{100};
  return step * 10 >= next_tenth_ * state_.steps;
}

void progress::show(std::size_t step, double loss, double learning_rate, double units_done) {
  if (!due(step)) return;
  last_ = clock::now();
  const double elapsed = std::max(1e-9, std::chrono::duration<double>(last_ - begin_).count());
  state_.step = step;
  state_.loss = loss;
  state_.learning_rate = learning_rate;
  state_.rate = units_done / elapsed;
  state_.seconds_left =
      step == 0 ? 0.0 : elapsed * static_cast<double>(state_.steps - step) / static_cast<double>(step);
  while (next_tenth_ * state_.steps <= step * 10) ++next_tenth_;
  const std::string line = progress_line(state_, style_.width, style_.colour);
  std::fprintf(style_.out, style_.live ? "\r\033[K%s" : "%s\n", line.c_str());
  std::fflush(style_.out);
}

void progress::finish(const std::string& summary) {
  if (style_.quiet) return;
  std::fprintf(style_.out, style_.live ? "\r\033[K%s\n" : "%s\n", summary.c_str());
  std::fflush(style_.out);
}

}  // namespace compare
