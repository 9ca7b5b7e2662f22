// models as tables, and by name
#include "plan/table.hpp"

#include "compare/scratch.hpp"
#include "plan/caught.hpp"

using namespace plan;

namespace {

model table(const std::string& text) { return read_table(text, "t.csv"); }
bool refused(const std::string& text, const std::string& piece, const std::string& another = "") {
  return refuses(
      problem::table, [&] { table(text); }, "t.csv", piece, another);
}

}  // namespace

TEST_CASE("plan table: counts and shapes") {
  const model m = table("count,shape\n12,768x3072\n1,5\n\n3,scalar\n0,9x9\n2,4x0x2\n");
  REQUIRE(m.parts.size() == 5);
  CHECK(m.parts[0].count == 12);
  CHECK(m.parts[0].shape == mango::shape{768, 3072});
  CHECK(m.parts[2].shape == mango::shape{});
  CHECK(m.tensor_count() == 12 + 1 + 3 + 0 + 2);
  CHECK(m.parameters() == 12 * 768 * 3072 + 5 + 3);
  CHECK(m.largest() == 768 * 3072);
  CHECK(table("count,shape\r\n2,3x4\r\n").parameters() == 24);
  CHECK(table("count,shape\n2,3x4").parameters() == 24);
  CHECK(table("count,shape\n").parameters() == 0);
  CHECK(table("count,shape\n0,50x50\n1,7\n").largest() == 7);
  CHECK(table("count,shape\n").largest() == 0);
}

TEST_CASE("plan table: what is wrong is said, with the line") {
  CHECK(refused("", "empty"));
  CHECK(refused("\n\n", "empty"));
  CHECK(refused("12,768x3072\n", "t.csv:1: ", "expected the line 'count,shape', got '12,768x3072'"));
  CHECK(refused("shape,count\n", "expected the line"));
  CHECK(refused("count,shape\n\n1,2\n768x3072\n", "t.csv:4: ", "got '768x3072'"));
  CHECK(refused("count,shape\n-1,2\n", "t.csv:2: count is -1, expected at least 0"));
  CHECK(refused("count,shape\n1,2x-3\n", "extent is -3, expected at least 0"));
  CHECK(refused("count,shape\nx,2\n", "count 'x' is not a whole number"));
  CHECK(refused("count,shape\n1.5,2\n", "count '1.5'"));
  for (const char* shape : {"", "2x", "x2", "2xx3", "2*3", " 2", "2 ", "2.0", "1e3", "+2", "0x10"}) {
    CAPTURE(std::string(shape));
    const bool hexadecimal = std::string_view(shape) == "0x10";  // is 0 by 10
    if (!hexadecimal) CHECK(refused(std::string("count,shape\n1,") + shape + "\n", "extent '"));
  }
  CHECK(refused("count,shape\n1,99999999999999999999\n", "is too large"));
  CHECK(refused("count,shape\n1,1x1x1x1x1x1x1x1x1\n", "t.csv:2", "at most 8 extents, this one has 9"));
  CHECK(refused("count,shape\n1,4294967296x4294967296\n", "t.csv:2", "elements"));
  CHECK(refused("count,shape\n1,\x1b[2J\n", "\\x1b"));
}

TEST_CASE("plan table: more parameters than can be counted exactly are refused") {
  CHECK(table("count,shape\n1,9007199254740992\n").parameters() == index_t{1} << 53);
  const auto too_many = [](const char* lines) {
    return refuses(
        problem::too_large, [&] { table(std::string("count,shape\n") + lines); }, "t.csv:", "more than");
  };
  CHECK(too_many("1,9007199254740993\n"));
  CHECK(too_many("1,9007199254740992\n1,1\n"));
  CHECK(too_many("9223372036854775807,2\n"));
  CHECK(too_many("9223372036854775807,0\n"));
}

TEST_CASE("plan table: the models that are built in have the sizes that are known of them") {
  CHECK(load("gpt2_124m").parameters() == 124'439'808);
  CHECK(load("gpt2_124m").tensor_count() == 148);
  CHECK(load("resnet18").parameters() == 11'689'512);
  CHECK(load("llama_7b").parameters() == 6'738'415'616);
  CHECK(known_models().size() >= 6);
  for (const auto& known : known_models()) CHECK(load(std::string(known.name)).parameters() > 1'000'000);
}

TEST_CASE("plan table: models by name and by file, one or several") {
  const scratch::folder folder;
  const auto write = [&](const char* name, const std::string& text) {
    return folder.write(name, {text.begin(), text.end()}).string();
  };
  const auto one = write("one.csv", "count,shape\n2,3x4\n"), two = write("two.csv", "count,shape\n1,5\n");
  CHECK(load(one).parameters() == 24);
  const model both = load(std::vector{one, two});
  CHECK(both.parameters() == 29);
  CHECK(both.tensor_count() == 3);
  CHECK(both.name == one + " + " + two);
  CHECK(load(std::vector{two, two, two, two}).name == two + " and 3 more");
  CHECK(refuses(
      problem::missing, [] { load("gpt2"); }, "'gpt2'", "gpt2_124m", ".safetensors"));
  CHECK(refuses(
      problem::missing, [&] { load(folder.path() / "none.csv"); }, "none.csv' cannot be read"));
  std::filesystem::create_directory(folder.path() / "folder.csv");
  CHECK(refuses(
      problem::missing, [&] { load(folder.path() / "folder.csv"); }, "folder.csv' cannot be read"));
}
