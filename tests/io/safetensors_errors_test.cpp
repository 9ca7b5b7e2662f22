// what a safetensors file is refused for: the kind of error, the file, the tensor and both numbers
#include <doctest/doctest.h>

#include "io/safetensors_file.hpp"
#include "optim/caught.hpp"

using namespace io_test;
using mango::errc;
using optim_test::caught;
using optim_test::check_error;

namespace {

using entry_list = std::vector<mango::safetensors_entry>;
using text_list = std::vector<text_pair>;

mango::error refusal(const std::string& header, std::size_t data = 0) {
  return caught([&] { read(file_of(header, data), "some file"); });
}

}  // namespace

TEST_CASE("io safetensors: a file that is refused is named, and its tensor, and both numbers") {
  const auto t = [](const std::string& type, const std::string& shape, const std::string& offsets) {
    return "{" + entry("the t", type, shape, offsets) + "}";
  };
  const std::string a = entry("a", "U8", "[4]", "[0,4]"), good = t("F32", "[2,2]", "[0,16]");
  const struct {
    std::string header;
    std::size_t data;
    errc code;
    const char* subject;
    long long expected, got;
  } refused[] = {
      {t("F32", "[2,2]", "[0,15]"), 15, errc::size_mismatch, "the t", 16, 15},
      {t("F32", "[2,2]", "[16,0]"), 16, errc::offset_invalid, "the t", 0, 16},
      {t("F32", "[2,2]", "[4,20]"), 20, errc::offset_invalid, "the t", 0, 4},
      {"{" + a + "," + entry("b", "U8", "[4]", "[3,7]") + "}", 7, errc::offset_invalid, "b", 4, 3},
      {good, 15, errc::buffer_incomplete, "", 16, 15},
      {good, 17, errc::buffer_incomplete, "", 16, 17},
      {"{}", 1, errc::buffer_incomplete, "", 0, 1},
      {t("F4", "[3]", "[0,2]"), 2, errc::misaligned_subbyte, "the t", 8, 12},
      {t("U8", "[1,2,3,4,5,6,7,8,9,10]", "[0,1]"), 1, errc::limit_exceeded, "the t", 8, 10},
      {t("U8", "[1]", "[0,1,2]"), 1, errc::header_schema, "the t", 2, 3},
  };
  for (const auto& r : refused) {
    CAPTURE(r.header);
    const auto e = refusal(r.header, r.data);
    check_error(e, r.code, r.subject, r.expected, r.got);
    CHECK(optim_test::contains(e.what(), "'some file'"));
    CHECK(std::string_view(e.kind()) == mango::name_of(r.code));
  }
  const std::string overflow = std::to_string(std::uint64_t{1} << 61);
  check_error(refusal(t("U8", "[" + overflow + "]", "[0,0]")), errc::shape_overflow, "the t");
  check_error(refusal(t("F33", "[1]", "[0,4]")), errc::dtype_unknown, "the t");
  check_error(refusal("{" + a + "," + entry("\\u0061", "U8", "[4]", "[4,8]") + "}"), errc::header_duplicate, "a");
  check_error(refusal("{\"the t\":{\"dtype\":\"U8\",\"dtype\":\"U8\"}}"), errc::header_duplicate, "the t");
  check_error(refusal("{\"__metadata__\":{\"k\":\"\",\"k\":\"\"}}"), errc::header_duplicate, "k");
  check_error(refusal(R"({"__metadata__":{"a":""},"__metadata__":{"b":""}})"), errc::header_duplicate, "__metadata__");
  check_error(refusal("{\"the t\":{\"dtype\":\"U8\",\"shape\":[]}}"), errc::header_schema, "the t");
  for (const auto* number :
       {"18446744073709551616", "184467440737095516150", "1e999", "1.0", "-0", "-1", "true", "\"1\""})
    check_error(refusal(t("U8", "[0," + std::string(number) + "]", "[0,0]")), errc::header_schema, "the t");
  check_error(refusal("{\"the t\":1}"), errc::header_schema, "the t");
  check_error(refusal("{\"__metadata__\":{\"k\":1}}"), errc::header_schema, "k");
  check_error(caught([] { read("1234567", "some file"); }), errc::header_too_small, "", 8, 7);
  check_error(caught([] { read(file_of("{}").substr(0, 9), "some file"); }), errc::header_length, "", 1, 2);
}

TEST_CASE("io safetensors: what is not JSON is said before anything else that is wrong") {
  const std::string wrong = "{\"t\":{\"dtype\":1,\"dtype\":[2],\"x\":{}}";
  CHECK(refusal(wrong + "}").code() == errc::header_schema);
  for (const auto* end : {"", ",}", "}}", "} x", ",\"a\":01}", ",\"a\":\"\\x\"}", "}\v", ",\"a\":nul}", ",'a':1}"})
    CHECK(refusal(wrong + end).code() == errc::header_json);
  CHECK(refusal(wrong + ",\"\xff\":1}").code() == errc::header_utf8);
  CHECK(refusal(wrong + std::string(1, '\0') + "}").code() == errc::header_json);
  CHECK(refusal("{}\xf0\x9f\x98").code() == errc::header_json);
  CHECK(refusal("{\"\xf0\x9f\x98").code() == errc::header_utf8);
  for (const auto* bad :
       {"\xc1\x81", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\x80"})
    CHECK(refusal("{\"" + std::string(bad) + "\":1}").code() == errc::header_utf8);
}

TEST_CASE("io safetensors: nothing is laid out that would not be read") {
  const auto of = [](const entry_list& entries, const text_list& texts = {}) {
    return caught([&] { mango::lay_out(entries, texts); });
  };
  const std::uint64_t half = std::uint64_t{1} << 59;
  check_error(of({{"t", "U8", {1}}, {"t", "U8", {1}}}), errc::header_duplicate, "t");
  check_error(of({}, {{"k", "a"}, {"k", "b"}}), errc::header_duplicate, "k");
  CHECK(of({{"__metadata__", "U8", {1}}}).code() == errc::header_schema);
  check_error(of({{"t", "u8", {1}}}), errc::dtype_unknown, "t");
  check_error(of({{"t", "U8", {1, 1, 1, 1, 1, 1, 1, 1, 1}}}), errc::limit_exceeded, "t", 8, 9);
  check_error(of({{"t", "F6_E2M3", {2}}}), errc::misaligned_subbyte, "t", 8, 12);
  check_error(of({{"t", "F64", {half}}}), errc::shape_overflow, "t");
  entry_list large;
  for (char c = 'a'; c < 'f'; ++c) large.push_back({std::string(1, c), "F32", {half - 1}});
  check_error(of(large), errc::shape_overflow, "e");
  CHECK(of({{"\xff", "U8", {1}}}).code() == errc::header_utf8);
  CHECK(of({}, {{"k", "\xed\xa0\x80"}}).code() == errc::header_utf8);
  CHECK(of({{std::string(4097, 'n'), "U8", {1}}}).code() == errc::limit_exceeded);
}
