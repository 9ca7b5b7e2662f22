// safetensors files: what is written is read back, and what is wrong is refused by name and number
#include <doctest/doctest.h>

#include "io/safetensors_file.hpp"
#include "optim/caught.hpp"
#include "support/random.hpp"

using namespace io_test;
using mango::errc;
using optim_test::caught;
using optim_test::check_error;
using limits = mango::safetensors_limits;

namespace {

using entry_list = std::vector<mango::safetensors_entry>;
using text_list = std::vector<text_pair>;

// characters of every length in UTF-8, and those that JSON escapes
std::string character(support::random& source) {
  constexpr const char* others[] = {"\"",   "\\", "/",        "\n",           "\x1b",
                                    "\x7f", "%n", "\xc3\xa9", "\xe4\xb8\xad", "\xf0\x9f\x98\x80"};
  if (source.below(4) != 0) return std::string(1, static_cast<char>('a' + source.below(26)));
  const auto i = source.below(std::size(others) + 1);
  return i == std::size(others) ? std::string(1, '\0') : others[i];
}
std::string words(support::random& source, std::size_t characters) {
  std::string out;
  for (std::size_t i = 0; i < characters; ++i) out += character(source);
  return out;
}

entry_list random_entries(support::random& source) {
  entry_list all(source.below(12));
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& type = mango::element_types[source.below(std::size(mango::element_types))];
    all[i].name = words(source, source.below(30)) + std::to_string(i);
    all[i].type = type.name;
    if (source.below(4) != 0 || type.bits < 8) all[i].shape.push_back(4 * source.below(4));  // F6: 4 make whole bytes
    while (all[i].shape.size() < 8 && source.below(3) != 0) all[i].shape.push_back(1 + source.below(3));
  }
  return all;
}
text_list random_texts(support::random& source) {
  text_list all(source.below(6));
  for (std::size_t i = 0; i < all.size(); ++i)
    all[i] = {words(source, source.below(20)) + std::to_string(i),
              words(source, source.below(source.below(9) ? 50 : 9000))};
  return all;
}

std::uint64_t bytes_of(const mango::safetensors_entry& e) {
  std::uint64_t bits = static_cast<std::uint64_t>(mango::find_element_type(e.type)->bits);
  for (const auto extent : e.shape) bits *= extent;
  return bits / 8;
}

// a source that notes how far it is read, and in what pieces
class watched : public mango::memory_source {
 public:
  using memory_source::memory_source;
  mutable std::uint64_t furthest = 0, largest = 0;
  void read(std::uint64_t at, std::span<std::byte> to) const override {
    furthest = std::max(furthest, at + to.size());
    largest = std::max<std::uint64_t>(largest, to.size());
    memory_source::read(at, to);
  }
};

mango::error refusal(const std::string& header, std::size_t data = 0) {
  return caught([&] { read(file_of(header, data), "some file"); });
}

}  // namespace

TEST_CASE("io safetensors: what is laid out is read back, each array aligned to its elements") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    support::random source(seed);
    const auto entries = random_entries(source);
    const auto texts = random_texts(source);
    const auto layout = mango::lay_out(entries, texts);
    REQUIRE(layout.prefix.size() % 8 == 0);
    REQUIRE(layout.begin.size() == entries.size());
    const auto header = read(layout.prefix + std::string(static_cast<std::size_t>(layout.data_bytes), 'x'));
    REQUIRE(header.size() == entries.size());
    REQUIRE(header.data_offset() == layout.prefix.size());
    REQUIRE(header.data_bytes() == layout.data_bytes);
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const auto& e = entries[i];
      const auto at = header.find(e.name);
      REQUIRE(at < header.size());
      const auto t = header[at];
      CHECK(t.name == e.name);
      CHECK(t.type == mango::find_element_type(e.type));
      CHECK(std::ranges::equal(t.shape, e.shape));
      CHECK(t.begin == layout.begin[i]);
      CHECK(t.end - t.begin == bytes_of(e));
      if (t.type->bits >= 8) CHECK(t.begin % (static_cast<std::uint64_t>(t.type->bits) / 8) == 0);
    }
    REQUIRE(header.metadata_size() == texts.size());
    for (const auto& [key, value] : texts) CHECK(header.metadata(key) == value);
    const auto again = mango::lay_out(entries, texts);
    CHECK(again.prefix == layout.prefix);
    CHECK(again.begin == layout.begin);
  }
}

TEST_CASE("io safetensors: large elements first, then as given; metadata by key; spaces up to a multiple of 8") {
  const entry_list entries = {{"b", "U8", {3}}, {"z", "F32", {2, 1}}, {"a\"\n", "F32", {}}, {"n", "I64", {1}}};
  const text_list texts = {{"z", "1"}, {"k", "\\"}};
  const auto layout = mango::lay_out(entries, texts);
  const std::string header =
      R"({"__metadata__":{"k":"\\","z":"1"},"n":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},)"
      R"("z":{"dtype":"F32","shape":[2,1],"data_offsets":[8,16]},)"
      R"("a\"\u000a":{"dtype":"F32","shape":[],"data_offsets":[16,20]},)"
      R"("b":{"dtype":"U8","shape":[3],"data_offsets":[20,23]}})";
  CHECK(layout.prefix == file_of(header + std::string((8 - header.size() % 8) % 8, ' ')));
  CHECK(layout.begin == std::vector<std::uint64_t>{20, 8, 16, 0});
  CHECK(layout.data_bytes == 23);
  CHECK(mango::lay_out({}).prefix == file_of("{}      "));
  for (std::size_t n = 0; n < 16; ++n) {
    const auto padded = mango::lay_out(entry_list{{std::string(n, 'n'), "U8", {0}}}).prefix;
    CHECK(padded.size() % 8 == 0);
    CHECK(padded.size() - 1 - padded.rfind('}') < 8);
  }
}

TEST_CASE("io safetensors: tensors are in the order of their data, ties by name, and found by name") {
  const auto h = read(file_of("{" + entry("last", "U8", "[2]", "[4,6]") + "," + entry("y", "U8", "[0]", "[4,4]") + "," +
                                  entry("first", "F32", "[1]", "[0,4]") + "," + entry("x", "F32", "[3,0]", "[4,4]") +
                                  "," + entry("", "BOOL", "[0]", "[6,6]") +
                                  R"(, "__metadata__" : {"b":"2","a":"1","":""}} )"
                                  "\t\r\n",
                              6));
  std::string names;
  for (std::size_t i = 0; i < h.size(); ++i) names += std::string(h[i].name) + ";";
  CHECK(names == "first;x;y;last;;");
  for (std::size_t i = 0; i < h.size(); ++i) CHECK(h.find(h[i].name) == i);
  for (const auto* none : {"a", "firs", "first ", "z", "__metadata__"}) CHECK(h.find(none) == h.size());
  CHECK(h.metadata_size() == 3);
  CHECK(h.metadata(std::size_t{0}) == std::pair<std::string_view, std::string_view>("", ""));
  CHECK(h.metadata(2).first == "b");
  CHECK(*h.metadata("a") == "1");
  for (const auto* none : {"c", "aa", "A"}) CHECK(!h.metadata(none));
  CHECK(h.data_bytes() == 6);
}

TEST_CASE("io safetensors: what a header gave out stays where it is when it is moved") {
  auto a = read(file_of("{\"__metadata__\":{\"k\":\"v\"}," + entry("t", "U8", "[1]", "[0,1]") + "}", 1));
  const auto t = a[0];
  const auto v = *a.metadata("k");
  auto b = std::move(a);
  a = read(file_of("{}"));
  CHECK(b[0].name.data() == t.name.data());
  CHECK(b[0].shape.data() == t.shape.data());
  CHECK(b.metadata("k")->data() == v.data());
}

TEST_CASE("io safetensors: a file is read in small pieces, and no further than its header") {
  std::string header = "{\"__metadata__\":{\"k\":\"" + std::string(50'000, 'x') + "\"}}";
  const std::string file = file_of(header, 0);
  const watched source(std::as_bytes(std::span(file)));
  CHECK(mango::read_safetensors(source).metadata("k")->size() == 50'000);
  header = "{" + entry("t", "U8", "[40000]", "[0,40000]") + "}";
  const std::string large = file_of(header, 40'000);
  const watched other(std::as_bytes(std::span(large)));
  CHECK(mango::read_safetensors(other).data_offset() == other.furthest);
  CHECK(source.largest <= 16 * 1024);
}

TEST_CASE("io safetensors: long strings, with escapes and characters on every boundary, are what they were") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    support::random source(seed);
    std::string plain, written;
    const std::size_t characters = 900 + source.below(source.below(2) ? 300 : 2500);
    for (std::size_t i = 0; i < characters; ++i) {
      const auto c = source.below(5);
      if (c == 0) plain += "\xf0\x9f\x98\x80", written += source.below(2) ? "\xf0\x9f\x98\x80" : R"(\uD83D\uDE00)";
      else if (c == 1) plain += "\xe4\xb8\xad", written += source.below(2) ? "\xe4\xb8\xad" : R"(\u4e2d)";
      else if (c == 2) plain += "\"", written += source.below(2) ? R"(\")" : R"(\u0022)";
      else if (c == 3) plain += "u", written += source.below(2) ? "u" : R"(\u0075)";
      else plain += "\\", written += R"(\\)";
    }
    const auto h = read(file_of("{\"__metadata__\":{\"a\":\"" + written + "\",\"b\":\"" + written + "\"}}"));
    CHECK(h.metadata("a") == plain);
    CHECK(h.metadata("b") == plain);
    const bool fits = plain.size() <= limits::name_bytes;
    const std::string named = "{" + entry(written, "U8", "[0]", "[0,0]") + "}";
    if (fits) CHECK(read(file_of(named))[0].name == plain);
    else CHECK(refusal(named).code() == errc::limit_exceeded);
  }
}

TEST_CASE("io safetensors: a character may lie across the end of the window") {
  for (std::size_t shift = 0; shift < 8; ++shift) {
    const std::string text(16 * 1024 - 30 + shift, 'x');
    const auto h = read(file_of("{\"__metadata__\":{\"a\":\"" + text + "\xf0\x9f\x98\x80\"}}"));
    CHECK(h.metadata("a") == text + "\xf0\x9f\x98\x80");
  }
}

TEST_CASE("io safetensors: limits are reached, and not passed") {
  const auto with = [](const std::string& name, const std::string& shape) {
    return "{" + entry(name, "U8", shape, "[0,0]") + "}";
  };
  const std::string at_most(limits::name_bytes, 'n');
  CHECK(read(file_of(with(at_most, "[0]")))[0].name == at_most);
  CHECK(refusal(with(at_most + "n", "[0]")).code() == errc::limit_exceeded);
  CHECK(read(file_of(with("t", "[0,1,1,1,1,1,1,1]")))[0].shape.size() == limits::dimensions);
  check_error(refusal(with("t", "[0,1,1,1,1,1,1,1,1]")), errc::limit_exceeded, "t", 8, 9);
  CHECK(read(file_of("{\"__metadata__\":{\"" + at_most + "\":\"v\"}}")).metadata(at_most) == "v");
  const auto longer = refusal("{\"__metadata__\":{\"" + at_most + "n\":\"v\"}}");
  CHECK(longer.code() == errc::limit_exceeded);
  CHECK(longer.subject() == at_most + "n");
  CHECK(longer.expected() == 4096);
  CHECK(longer.got() == 4097);

  CHECK(mango::read_safetensors(blank_file(limits::header_bytes)).size() == 0);
  const auto e = caught([&] { mango::read_safetensors(blank_file(limits::header_bytes + 1)); });
  check_error(e, errc::header_too_large, "", 100'000'000, 100'000'001);
}

TEST_CASE("io safetensors: a million tensors are read, and not one more") {
  std::string header = "{";
  for (std::size_t i = 0; i < limits::tensors; ++i) header += entry(std::to_string(i), "U8", "[0]", "[0,0]") + ",";
  const auto h = read(file_of(header.substr(0, header.size() - 1) + "}"));
  CHECK(h.size() == limits::tensors);
  CHECK(h[h.find("999999")].name == "999999");
  check_error(refusal(header + entry("one more", "U8", "[0]", "[0,0]") + "}"), errc::limit_exceeded, "one more",
              1'000'000, 1'000'001);
}
