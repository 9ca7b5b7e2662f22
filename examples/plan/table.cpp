#include "plan/table.hpp"

#include <charconv>

#include "plan/error.hpp"

namespace plan {
namespace {

[[noreturn]] void refuse(const std::string& where, const std::string& what) {
  throw error(problem::table, where + ": " + what);
}

// as it stands in the sentence: short, and without what a terminal would obey
std::string shown(std::string_view text) { return mango::quoted(text.substr(0, 60)).c_str(); }

index_t read_integer(std::string_view text, const std::string& where, const std::string& what) {
  index_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code == std::errc::result_out_of_range) refuse(where, what + " " + shown(text) + " is too large");
  if (code != std::errc{} || end != text.data() + text.size())
    refuse(where, what + " " + shown(text) + " is not a whole number");
  if (value < 0) refuse(where, what + " is " + std::to_string(value) + ", expected at least 0");
  return value;
}

}  // namespace

mango::shape read_shape(std::string_view text, const std::string& where) {
  if (text == "scalar") return {};
  std::vector<index_t> extents;
  for (bool more = true; more;) {
    const auto x = text.find('x');
    more = x != text.npos;
    extents.push_back(read_integer(text.substr(0, x), where, "extent"));
    text = more ? text.substr(x + 1) : text;
  }
  try {
    return {extents.data(), static_cast<index_t>(extents.size())};
  } catch (const mango::error& e) {
    refuse(where, e.what());
  }
}

model read_table(std::string_view text, const std::string& name) {
  model out;
  out.name = name;
  bool head = true;
  for (int number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == text.npos ? std::string_view{} : text.substr(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::string where = name + ":" + std::to_string(number);
    if (line.empty()) continue;
    if (head) {
      if (line != "count,shape") refuse(where, "expected the line 'count,shape', got " + shown(line));
      head = false;
      continue;
    }
    const auto comma = line.find(',');
    if (comma == line.npos) refuse(where, "expected a count and a shape such as 12,768x3072, got " + shown(line));
    const index_t count = read_integer(line.substr(0, comma), where, "count");
    out.add(read_shape(line.substr(comma + 1), where), count, where);
  }
  if (head) refuse(name, "expected the line 'count,shape', got an empty file");
  return out;
}

}  // namespace plan
