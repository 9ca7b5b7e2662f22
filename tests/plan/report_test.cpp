// the plan as people see it: command line, sizes, table, bars, picture
#include "plan/report.hpp"

#include "compare/has.hpp"
#include "compare/xml.hpp"
#include "plan/chart.hpp"
#include "plan/options.hpp"
#include "plan/table.hpp"

using namespace plan;

namespace {

std::string refusal(std::vector<std::string> words) {
  const parsed p = parse(std::move(words));
  CHECK(!p.run);
  CHECK(p.exit_code == 2);
  CHECK(has(p.text, ""));
  return p.text;
}

result result_for(std::optional<bytes_t> budget) {
  result r{.what = read_table("count,shape\n10,100x100\n", "evil <&\">.csv"), .how = {}, .budget = budget, .needs = {}};
  r.needs = needs_of(r.what, r.how, {"adamw", "sgd", "adamw:stores=bf16"});
  return r;
}

}  // namespace

TEST_CASE("plan size: bytes as people write them") {
  CHECK(parse_bytes("25769803776") == 25769803776u);
  CHECK(parse_bytes("24GiB") == 24ull << 30);
  CHECK(parse_bytes("24 gib") == 24ull << 30);
  CHECK(parse_bytes("24GB") == 24'000'000'000u);
  CHECK(parse_bytes("1.5KiB") == 1536u);
  CHECK(parse_bytes("0.5MB") == 500'000u);
  CHECK(parse_bytes("3TiB") == 3ull << 40);
  CHECK(parse_bytes("7B") == 7u);
  for (const char* text : {"",
                           " ",
                           "GiB",
                           "-1GiB",
                           "+1GiB",
                           "24Gb it",
                           "24G",
                           "1e9",
                           "0",
                           "0GiB",
                           "0.1",
                           "nan",
                           "24  GB",
                           "24GiB ",
                           "99999999999999999999",
                           "18446744073709551615",
                           "9000000TiB",
                           "1.",
                           "1.x",
                           "1.5.5GB"}) {
    CAPTURE(std::string(text));
    CHECK(!parse_bytes(text));
  }
}

TEST_CASE("plan options: everything that can be asked for") {
  const auto p = parse({"a.csv", "b.csv", "--budget", "24GiB", "--parameters", "bf16", "--master", "--gradients",
                        "fused", "--optimizers", "lion", "sgd", "--set", "accumulate=yes", "--svg", "x.svg"});
  REQUIRE(p.run);
  CHECK(p.run->models == std::vector<std::string>{"a.csv", "b.csv"});
  CHECK(p.run->budget == 24ull << 30);
  CHECK(p.run->how.parameters == mango::dtype::bf16);
  CHECK((p.run->how.master && p.run->how.fused && !p.run->list));
  CHECK(p.run->optimizers == std::vector<std::string>{"lion", "sgd"});
  CHECK(p.run->how.settings == std::vector<std::string>{"accumulate=yes"});
  CHECK(p.run->svg == "x.svg");
  const auto plain = parse({"gpt2_124m"});
  REQUIRE(plain.run);
  CHECK((!plain.run->budget && plain.run->how.parameters == mango::dtype::f32 && !plain.run->how.fused));
  CHECK(parse({"--help"}).exit_code == 0);
  CHECK(has(parse({"--help"}).text, "--budget"));
  CHECK(parse({"--list"}).run->list);
}

TEST_CASE("plan options: what is wrong is one sentence") {
  CHECK(has(refusal({}), "no model"));
  CHECK(
      has(refusal({"m", "--budget", "24Gig"}), "--budget wants bytes such as 24GiB, 80GB or 25769803776, not '24Gig'"));
  CHECK(has(refusal({"m", "--budget", "-3"}), "--budget"));
  CHECK(has(refusal({"m", "--budget", ""}), "--budget"));
  CHECK(has(refusal({"m", "--master"}), "--parameters bf16"));
  CHECK(has(refusal({"m", "--parameters", "fp8"}), "fp8"));
  CHECK(has(refusal({"m", "--gradients", "none"}), "none"));
  CHECK(has(refusal({"m", "--nonsense"}), "--nonsense"));
}

TEST_CASE("plan report: every byte count, the bars and the verdict") {
  const result r = result_for(1'300'000);
  const std::string rows = table(r);
  CHECK(has(rows, "sgd                400,000    400,000        0      160    800,160   yes\n"));
  CHECK(has(rows, "adamw:stores=bf16  400,000    400,000  400,000      160  1,200,160   yes\n"));
  CHECK(has(rows, "adamw              400,000    400,000  800,000      160  1,600,160    no\n"));
  CHECK(has(heading(r), "100,000 parameters in 10 tensors; fp32 weights, all gradients held; budget 1,300,000 bytes"));
  const std::string chart = bars(r, 16);
  CHECK(has(chart, "sgd                ====----     |    800 kB\n"));
  CHECK(has(chart, "adamw:stores=bf16  ====----#### |    1.20 MB\n"));
  CHECK(has(chart, "adamw              ====----#####|##  1.60 MB, too much\n"));
  CHECK(verdict(r) == "2 of 3 fit in 1,300,000 bytes");
  CHECK(r.fitting() == 2);
}

TEST_CASE("plan report: a budget that nothing meets, that is met exactly, or that is not given") {
  const result none = result_for(800'159), just = result_for(800'160), open = result_for({});
  CHECK(verdict(none) == "nothing fits: the least, sgd, takes 800,160 bytes, the budget is 800,159");
  CHECK(none.fitting() == 0);
  CHECK(just.fitting() == 1);
  CHECK(open.fitting() == 3);
  CHECK(verdict(open).empty());
  CHECK(bars(open).find('|') == std::string::npos);
  CHECK(table(open).find("fits") == std::string::npos);
}

TEST_CASE("plan report: the picture is well-formed, whatever the names, and says what fits") {
  for (const auto budget : {std::optional<bytes_t>{}, std::optional<bytes_t>{1'300'000}, std::optional<bytes_t>{1}}) {
    const std::string svg = svg_chart(result_for(budget));
    CHECK(xml::problem(svg) == "");
    CHECK(has(svg, "1,600,160 bytes"));
    CHECK(has(svg, "<style>"));
    CHECK(svg.find("href") == std::string::npos);
    CHECK((svg.find("\"over\"") != std::string::npos) == budget.has_value());
  }
  CHECK(xml::problem(svg_chart({.what = {}, .how = {}, .budget = {}, .needs = {}})) == "");
  CHECK(bars({.what = {}, .how = {}, .budget = {}, .needs = {}}).empty());
}
