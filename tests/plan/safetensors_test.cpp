// the header of a .safetensors file: what it says, and every way to be damaged
#include "plan/safetensors.hpp"

#include "compare/scratch.hpp"
#include "plan/caught.hpp"

using namespace plan;

namespace {

model header(const std::string& json) { return read_header(json, "f"); }
template <class... Piece> bool refused(const std::string& json, const Piece&... pieces) {
  return refuses(
      problem::header, [&] { header(json); }, "f", pieces...);
}
// one entry, named t
std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"t":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}
scratch::bytes file_of(std::uint64_t claimed, const std::string& json) {
  scratch::bytes out;
  for (int i = 0; i < 8; ++i) out.push_back(static_cast<std::uint8_t>(claimed >> (8 * i)));
  out.insert(out.end(), json.begin(), json.end());
  return out;
}
const std::string good = entry("\"F32\"", "[2,3]", "[0,24]");

}  // namespace

TEST_CASE("plan safetensors: shapes of floating point tensors of any precision") {
  const model m = header(R"({"__metadata__":{"format":"pt"},
    "b":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]},
    "a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},
    "scalar":{"dtype":"F64","shape":[],"data_offsets":[32,40]},
    "empty":{"dtype":"F16","shape":[0,7],"data_offsets":[40,40]},
    "ids":{"dtype":"I64","shape":[3],"data_offsets":[40,64]}}  )");
  CHECK(m.parameters() == 4 + 6 + 1);
  CHECK(m.tensor_count() == 4);
  CHECK(m.skipped == 1);
  CHECK(m.largest() == 6);
  CHECK(header("{}").parameters() == 0);
  CHECK(header(entry("\"F4\"", "[6]", "[0,3]")).parameters() == 6);
}

TEST_CASE("plan safetensors: a file is read up to the end of its header, and not further") {
  const scratch::folder folder;
  const auto write = [&](const scratch::bytes& b) { return folder.write("m.safetensors", b).string(); };
  CHECK(load(write(file_of(good.size(), good))).parameters() == 6);  // the data is missing
  auto with_data = file_of(good.size(), good);
  with_data.resize(with_data.size() + 24);
  CHECK(load(write(with_data)).parameters() == 6);

  const auto refused_file = [&](const scratch::bytes& b, const std::string& piece) {
    const auto path = write(b);
    return refuses(
        problem::header, [&] { load(path); }, path, piece);
  };
  CHECK(refused_file({}, "has 0 bytes, a .safetensors file at least 8"));
  CHECK(refused_file({1, 0, 0}, "has 3 bytes"));
  CHECK(refused_file(file_of(1000, good), "claims 1000 bytes, the file has " + std::to_string(good.size())));
  CHECK(refused_file(file_of(100'000'000, good), "claims 100000000 bytes, the file has"));
  CHECK(refused_file(file_of(100'000'001, good), "claims 100000001 bytes, at most 100000000"));
  CHECK(refused_file(file_of(~std::uint64_t{0}, good), "claims 18446744073709551615 bytes"));
  CHECK(refused_file(file_of(good.size() - 1, good), "is not JSON"));
  CHECK(refused_file(file_of(0, good), "is not JSON"));
  CHECK(refuses(
      problem::missing, [&] { load(folder.path() / "none.safetensors"); }, "none.safetensors' cannot"));
  std::filesystem::create_directory(folder.path() / "d.safetensors");
  CHECK(refuses(
      problem::missing, [&] { load(folder.path() / "d.safetensors"); }, "d.safetensors' cannot be read"));
}

TEST_CASE("plan safetensors: what is no JSON is refused, with the place") {
  CHECK(refused("{\"a\":1,}", "is not JSON, at byte 8"));
  CHECK(refused("", "is not JSON"));
  CHECK(refused("\xff", "is not JSON"));
  CHECK(refused("{\"\xed\xa0\x80\":{}}", "is not JSON"));
  CHECK(refused(good + std::string(4, '\0'), "at byte " + std::to_string(good.size() + 1)));
  CHECK(refused(good + good, "is not JSON"));
  CHECK(refused(entry("\"F32\"", "[02]", "[0,8]"), "is not JSON"));
  CHECK(refused("{\"t\":" + std::string(100000, '[') + std::string(100000, ']') + "}", "deeper than 8 levels"));
  CHECK(refused(R"({"t":{},"t":{}})", "'t' twice"));
  CHECK(refused(R"({"t":{"dtype":"F32","dtype":"F32"}})", "'dtype' twice"));
}

TEST_CASE("plan safetensors: what is no header is refused, with the tensor") {
  for (const char* json : {"null", "0", "\"x\"", "[]"}) CHECK(refused(json, "no JSON object"));
  for (const char* json : {R"({"t":1})", R"({"t":[]})", R"({"__metadata__":[]})", R"({"t":null})"})
    CHECK(refused(json, "the entry is no JSON object"));
  CHECK(refused(R"({"__metadata__":{"a":["b"]}})", "no string"));
  CHECK(refused(R"({"t":{}})", "'t'", "dtype is missing"));
  CHECK(refused(entry("3", "[2]", "[0,8]"), "dtype is missing"));
  for (const char* type : {"f32", "", "F3", "<f4", "F32 "})
    CHECK(refused(entry('"' + std::string(type) + '"', "[2]", "[0,8]"), std::string("no dtype is called '") + type));
  CHECK(refused(R"({"t":{"dtype":"F32","data_offsets":[0,8]}})", "shape is missing"));
  CHECK(refused(R"({"t":{"dtype":"F32","shape":[2]}})", "data_offsets is missing"));
  CHECK(refused(R"({"a\u001b[2J":{}})", "a\\x1b[2J"));  // a name is never obeyed
}

TEST_CASE("plan safetensors: shapes and offsets are whole numbers that agree") {
  CHECK(refused(entry("\"F32\"", "[-2]", "[0,8]"), "shape holds -2, expected at least 0"));
  for (const char* shape :
       {"[2.0]", "[4e0]", "[null]", "[\"2\"]", "[[2]]", "[true]", "[18446744073709551616]", "[18446744073709551615]"})
    CHECK(refused(entry("\"F32\"", shape, "[0,8]"), "shape holds", "expected a whole number"));
  CHECK(refused(entry("\"F32\"", "\"2\"", "[0,8]"), "shape is missing, or no list"));
  CHECK(refused(entry("\"F32\"", "[1,1,1,1,1,1,1,1,2]", "[0,8]"), "at most 8 extents, this one has 9"));
  CHECK(refused(entry("\"F32\"", "[6148914691236517206,3]", "[0,8]"), "elements"));
  CHECK(refused(entry("\"F32\"", "[2305843009213693953]", "[0,4]"), "too many elements"));
  for (const char* offsets : {"[]", "[0]", "[0,8,8]", "[8,0]"})
    CHECK(refused(entry("\"F32\"", "[2]", offsets), "not a beginning and an end"));
  CHECK(refused(entry("\"F32\"", "[2]", "[-8,0]"), "data_offsets holds -8"));
  CHECK(refused(entry("\"F32\"", "[2]", "[0,7]"), "2 numbers of F32 take 8 bytes, data_offsets says 7"));
  CHECK(refused(entry("\"BF16\"", "[2]", "[0,8]"), "take 4 bytes, data_offsets says 8"));
  CHECK(refused(entry("\"F4\"", "[3]", "[0,1]"), "3 numbers of F4"));
  CHECK(refused(entry("\"F32\"", "[2]", "[4,12]"), "begins at byte 4, what is before it ends at 0"));
  const auto two = [](const char* offsets) {
    return R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":)" +
           std::string(offsets) + "}}";
  };
  CHECK(header(two("[4,8]")).skipped == 2);
  CHECK(refused(two("[0,4]"), "begins at byte 0, what is before it ends at 4"));
  CHECK(refused(two("[3,7]"), "begins at byte 3"));
  CHECK(refused(two("[5,9]"), "begins at byte 5"));
}
