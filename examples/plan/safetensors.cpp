#include "plan/safetensors.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "compare/format.hpp"
#include "plan/error.hpp"

namespace plan {
namespace {

using nlohmann::json;

struct element {
  const char* name;
  int bits;
  bool trained;
};
constexpr std::array elements{
    element{"F64", 64, true},    element{"F32", 32, true},    element{"F16", 16, true},    element{"BF16", 16, true},
    element{"F8_E4M3", 8, true}, element{"F8_E5M2", 8, true}, element{"F8_E8M0", 8, true}, element{"F6_E2M3", 6, true},
    element{"F6_E3M2", 6, true}, element{"F4", 4, true},      element{"I64", 64, false},   element{"I32", 32, false},
    element{"I16", 16, false},   element{"I8", 8, false},     element{"U64", 64, false},   element{"U32", 32, false},
    element{"U16", 16, false},   element{"U8", 8, false},     element{"BOOL", 8, false},   element{"C64", 64, false}};

[[noreturn]] void refuse(const std::string& where, const std::string& what) {
  throw error(problem::header, where + ": " + what);
}

// JSON, with each key once per object and no deeper than the format is; nlohmann/json alone takes the last of two
json parse(std::string_view text, const std::string& name) {
  constexpr int deepest = 8;
  if (const auto nul = text.find('\0'); nul != text.npos)  // which nlohmann/json takes for the end
    refuse(name,
           "the header of " + compare::grouped(text.size()) + " bytes is not JSON, at byte " + std::to_string(nul + 1));
  std::vector<std::set<std::string>> keys;
  const auto look = [&](int depth, json::parse_event_t event, json& value) {
    using kind = json::parse_event_t;
    if (depth > deepest) refuse(name, "the header nests deeper than " + std::to_string(deepest) + " levels");
    if (event == kind::object_start) keys.emplace_back();
    else if (event == kind::object_end) keys.pop_back();
    else if (event == kind::key && !keys.back().insert(value.get<std::string>()).second)
      refuse(name,
             std::string{"the header has "} + mango::quoted(value.get_ref<const std::string&>()).c_str() + " twice");
    return true;
  };
  try {
    return json::parse(text.begin(), text.end(), look);
  } catch (const json::parse_error& e) {
    refuse(name,
           "the header of " + compare::grouped(text.size()) + " bytes is not JSON, at byte " + std::to_string(e.byte));
  }
}

const element& element_of(const json& entry, const std::string& where) {
  const auto type = entry.find("dtype");
  if (type == entry.end() || !type->is_string()) refuse(where, "dtype is missing, or no string");
  const auto& word = type->get_ref<const std::string&>();
  const auto found = std::find_if(elements.begin(), elements.end(), [&](const element& e) { return e.name == word; });
  if (found == elements.end()) refuse(where, std::string{"no dtype is called "} + mango::quoted(word).c_str());
  return *found;
}

// non-negative integers, in order
std::vector<index_t> numbers_of(const json& entry, const char* key, const std::string& where) {
  const auto list = entry.find(key);
  if (list == entry.end() || !list->is_array()) refuse(where, std::string{key} + " is missing, or no list");
  std::vector<index_t> out;
  for (const json& x : *list) {
    if (x.is_number_integer() && !x.is_number_unsigned())
      refuse(where, std::string{key} + " holds " + std::to_string(x.get<std::int64_t>()) + ", expected at least 0");
    if (!x.is_number_unsigned() || x.get<std::uint64_t>() > INT64_MAX)
      refuse(where, std::string{key} + " holds " + mango::quoted(x.dump().substr(0, 40)).c_str() +
                        ", expected a whole number below 2^63");
    out.push_back(static_cast<index_t>(x.get<std::uint64_t>()));
  }
  return out;
}

// where the data of a tensor lies
struct extent {
  index_t begin, end;
  std::string name;
};

// how many bytes the data of the tensor should take, against what the header says
extent extent_of(const json& entry, const element& type, index_t count, const std::string& where) {
  const auto offsets = numbers_of(entry, "data_offsets", where);
  if (offsets.size() != 2 || offsets[1] < offsets[0]) refuse(where, "data_offsets is not a beginning and an end");
  index_t bits = 0;
  if (__builtin_mul_overflow(count, type.bits, &bits)) refuse(where, "the shape has too many elements");
  const index_t got = offsets[1] - offsets[0], expected = bits / 8;
  if (bits % 8 != 0 || got != expected)
    refuse(where, std::to_string(count) + " numbers of " + type.name + " take " + std::to_string(expected) +
                      " bytes, data_offsets says " + std::to_string(got));
  return {offsets[0], offsets[1], where};
}

// one after the other, without holes: otherwise something is missing, or would be counted twice
void check_layout(std::vector<extent> all) {
  std::sort(all.begin(), all.end(),
            [](const extent& a, const extent& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
  index_t end = 0;
  for (const extent& e : all) {
    if (e.begin != end)
      refuse(e.name, "its data begins at byte " + std::to_string(e.begin) + ", what is before it ends at " +
                         std::to_string(end));
    end = e.end;
  }
}

void check_metadata(const json& entry, const std::string& where) {
  for (const json& value : entry)
    if (!value.is_string()) refuse(where, "metadata holds something that is no string");
}

mango::shape shape_of(const json& entry, const std::string& where) {
  const auto extents = numbers_of(entry, "shape", where);
  try {
    return {extents.data(), static_cast<index_t>(extents.size())};
  } catch (const mango::error& e) {
    refuse(where, e.what());
  }
}

}  // namespace

model read_header(std::string_view text, const std::string& name) {
  const json header = parse(text, name);
  if (!header.is_object()) refuse(name, "the header is no JSON object");
  model out;
  out.name = name;
  std::vector<extent> extents;
  for (const auto& [key, entry] : header.items()) {
    const std::string where = name + ", " + mango::quoted(key).c_str();
    if (!entry.is_object()) refuse(where, "the entry is no JSON object");
    if (key == "__metadata__") {
      check_metadata(entry, where);
      continue;
    }
    const element& type = element_of(entry, where);
    const mango::shape shape = shape_of(entry, where);
    extents.push_back(extent_of(entry, type, shape.elements(), where));
    if (type.trained) out.add(shape, 1, where);
    else ++out.skipped;
  }
  check_layout(std::move(extents));
  return out;
}

model read_safetensors(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  std::array<unsigned char, 8> prefix{};
  file.read(reinterpret_cast<char*>(prefix.data()), 8);
  if (file.gcount() == 0 && !file.eof()) throw error(problem::missing, "'" + path + "' cannot be read");
  if (file.gcount() < 8)
    refuse(path, "the file has " + std::to_string(file.gcount()) + " bytes, a .safetensors file at least 8");
  std::uint64_t bytes = 0;
  for (std::size_t i = 8; i-- > 0;) bytes = bytes << 8 | prefix[i];
  if (bytes > most_header_bytes)
    refuse(path, "the header claims " + std::to_string(bytes) + " bytes, at most " + std::to_string(most_header_bytes) +
                     " are believed");
  std::string text;
  // piece by piece: a false length costs no memory
  for (std::array<char, 65536> piece{}; text.size() < bytes && file;) {
    file.read(piece.data(), static_cast<std::streamsize>(std::min<std::uint64_t>(piece.size(), bytes - text.size())));
    text.append(piece.data(), static_cast<std::size_t>(file.gcount()));
  }
  if (text.size() < bytes)
    refuse(path, "the header claims " + std::to_string(bytes) + " bytes, the file has " + std::to_string(text.size()) +
                     " after its first 8");
  return read_header(text, path);
}

}  // namespace plan
