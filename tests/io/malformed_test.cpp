// every file of the corpus: refused for the right reason, or read; and never with more memory than the file has
#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "io/counting_new.hpp"
#include "io/safetensors_file.hpp"

#if !defined(MANGO_TEST_DATA)
#define MANGO_TEST_DATA "tests"
#endif

using namespace io_test;

namespace {

const std::string folder = MANGO_TEST_DATA "/io/malformed/";

// a line of manifest.tsv
struct row {
  std::string id, file, verdict, error, also_ok, here, title;
};

std::vector<row> manifest() {
  std::vector<row> rows;
  std::ifstream in(folder + "manifest.tsv");
  REQUIRE(in.good());
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    row r;
    std::istringstream fields(line);
    for (auto* field : {&r.id, &r.file, &r.verdict, &r.error, &r.also_ok, &r.here, &r.title})
      std::getline(fields, *field, '\t');
    rows.push_back(r);
  }
  return rows;
}

std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  REQUIRE(in.good());
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string repeated(std::size_t n, const std::string& piece) {
  std::string out;
  for (std::size_t i = 0; i < n; ++i) out += piece;
  return out;
}
// n entries w0, w1, ... of one kind
std::string entries(std::size_t n, const std::string& shape, const std::string& offsets) {
  std::string out = "{";
  for (std::size_t i = 0; i < n; ++i)
    out += (i ? "," : "") + entry(std::string(1, 'w') + std::to_string(i), "F32", shape, offsets);
  return out + "}";
}

// those that are too large to be kept
const std::map<std::string, std::string (*)()> recipes = {
    {"b47_deep_arrays", [] { return file_of("{\"t\":" + repeated(100'000, "[") + repeated(100'000, "]") + "}"); }},
    {"b49_deep_in_metadata", [] { return file_of("{\"__metadata__\":" + repeated(100'000, "[")); }},
    {"b50_deep_in_unknown_field",
     [] {
       const std::string good = entry("t", "F32", "[2,2]", "[0,16]");
       const std::string nested = "\"x\":" + repeated(10'000, "[") + repeated(10'000, "]") + ",";
       return file_of("{" + good.substr(0, 5) + nested + good.substr(5) + "}", 16);
     }},
    {"b60_name_256k",
     [] { return file_of("{" + entry(std::string(262'144, 'n'), "F32", "[2,2]", "[0,16]") + "}", 16); }},
    {"b61_20000_empty_tensors", [] { return file_of(entries(20'000, "[0]", "[0,0]")); }},
    {"d07_overlap_dos_1000", [] { return file_of(entries(1000, "[200,200]", "[0,160000]"), 160'000); }},
    {"d41_rank_100000",
     [] { return file_of("{" + entry("t", "F32", "[" + repeated(99'999, "1,") + "1]", "[0,4]") + "}", 4); }}};

std::string file_of(const row& r) { return r.file.empty() ? recipes.at(r.id)() : contents(folder + r.file); }

bool allows(const row& r, const std::string& outcome) {
  if (outcome == "ok") return r.verdict != "must_reject";
  return r.verdict != "must_accept" &&
         ("|" + r.error + "|" + r.also_ok + "|").find("|" + outcome + "|") != std::string::npos;
}

struct outcome {
  std::string kind = "ok", sentence;
  std::size_t peak = 0;
};
outcome outcome_of(const mango::byte_source& file) {
  const peak_scope peak;
  try {
    const auto header = mango::read_safetensors(file);
    const auto bytes = peak.bytes();  // before what is made here counts too
    return {"ok", "", bytes};
  } catch (const mango::error& e) {
    const auto bytes = peak.bytes();
    return {e.kind(), e.what(), bytes};
  }
}
void check_written_again(const mango::safetensors_header& header) {
  const std::string again = written_again(header);
  CHECK(same(header, read(again)));
  const std::string stable = written_again(read(again));
  CHECK(stable == written_again(read(stable)));
}
bool within_bound(std::size_t peak, std::uint64_t size) {
  return static_cast<double>(peak) <= 1.05 * static_cast<double>(size) + 65'536;
}

}  // namespace

TEST_CASE("io malformed: every file is refused for the right reason, or read, in as much memory as it has bytes") {
  const auto rows = manifest();
  CHECK(rows.size() == 176);
  for (const row& r : rows) {
    CAPTURE(r.id);
    CAPTURE(r.title);
    if (r.id == "a52_big_header_over_limit") {
      const auto found = outcome_of(blank_file(100'000'001));
      CHECK(found.kind == r.here);
      CHECK(found.peak <= 65'536);
      continue;
    }
    const std::string file = file_of(r);
    const outcome found = outcome_of(in_memory(file, r.id));
    CAPTURE(found.sentence);
    CHECK(found.kind == r.here);
    CHECK(allows(r, found.kind));
    CHECK(within_bound(found.peak, file.size()));
    if (found.kind == "ok") {
      check_written_again(read(file));
    } else {
      CHECK(found.sentence.find("'" + r.id + "'") != std::string::npos);
      for (const char c : found.sentence) CHECK((c < 0 || c >= 32));
    }
  }
}

TEST_CASE("io malformed: what is long, and what is much, takes no more memory than the file has bytes") {
  const auto number = [](std::size_t i) { return std::to_string(i); };
  const auto empty = [&](std::size_t n, const std::string& shape) { return file_of(entries(n, shape, "[0,0]")); };
  const auto text = [](const std::string& s) { return file_of("{\"__metadata__\":{\"a\":\"" + s + "\"}}"); };
  const auto value = [](const std::string& s) { return file_of("{\"t\":" + s + "}"); };
  const auto named = [](const std::string& s) { return file_of("{" + entry(s, "U8", "[0]", "[0,0]") + "}"); };
  std::string pairs = "{\"__metadata__\":{\"\":\"\"";
  for (std::size_t i = 0; i < 20'000; ++i) pairs += ",\"" + number(i) + "\":\"\"";
  const std::string u = "\\u0061", many(300'000, 'x');
  const struct {
    const char* kind;
    std::string file;
  } files[] = {
      {"ok", empty(20'000, "[0]")},
      {"ok", empty(20'000, "[0,1,2]")},
      {"ok", empty(5'000, "[0,1,2,3]")},
      {"limit_exceeded", empty(20'000, "[0,1,2,3,4,5,6,7]")},
      {"ok", file_of(pairs + "}}")},
      {"ok", text(many)},
      {"ok", text(repeated(50'000, u))},
      {"ok", text(repeated(50'000, "\\ud83d\\ude00"))},
      {"ok", text(repeated(50'000, "\xe4\xb8\xad"))},
      {"header_json", text(repeated(50'000, "\\ud83d"))},
      {"limit_exceeded", named(many)},
      {"limit_exceeded", named(repeated(4097, u))},
      {"ok", named(repeated(4096, u))},
      {"header_json", named(repeated(4096, u) + "\\x")},
      {"limit_exceeded", file_of("{\"__metadata__\":{\"" + many + "\":\"\"}}")},
      {"dtype_unknown", file_of("{" + entry("t", many, "[]", "[]") + "}")},
      {"header_schema", value("\"" + many + "\"")},
      {"header_schema", value("{\"" + many + "\":0}")},
      {"header_schema", value("{\"shape\":[\"" + many + "\"]}")},
      {"header_schema", value("{\"shape\":[" + std::string(300'000, '9') + "]}")},
      {"header_schema", value("{\"shape\":[1." + std::string(300'000, '9') + "e" + std::string(300'000, '0') + "1]}")},
      {"header_schema", value("[" + repeated(100'000, "null,") + "0]")},
      {"header_schema", value("[" + repeated(100'000, "[],") + "0]")},
      {"header_schema", value(repeated(31, "[") + repeated(31, "]"))},
      {"header_json", value(repeated(32, "[") + repeated(32, "]"))},
      {"header_schema", file_of("\"" + many + "\"")},
      {"ok", file_of("{" + std::string(1'000'000, '\n') + "}" + std::string(1'000'000, ' '))},
  };
  for (const auto& f : files) {
    const std::string& file = f.file;
    CAPTURE(file.substr(8, 60));
    const outcome found = outcome_of(in_memory(file));
    CAPTURE(found.sentence);
    CHECK(found.kind == f.kind);
    CAPTURE(found.peak);
    CAPTURE(file.size());
    CHECK(within_bound(found.peak, file.size()));
    if (found.kind == "ok") check_written_again(read(file));
  }
}
