#include <doctest/doctest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "compare/machine.hpp"
#include "compare/report/csv.hpp"
#include "compare/report/grid.hpp"
#include "compare/report/html.hpp"
#include "compare/statistics.hpp"
#include "compare/verdict.hpp"
#include "has.hpp"
#include "xml.hpp"

using namespace compare;
using doctest::Approx;

namespace {

run make_run(const std::string& name, std::uint64_t seed, double accuracy, std::size_t bytes, double ms) {
  run r;
  r.optimizer = name;
  r.description = "rules <fp32>";
  r.seed = seed;
  r.learning_rate = 1e-3;
  r.parameters = 1000;
  r.state_bytes = r.planned_bytes = bytes;
  r.gradient_bytes = 16'000;
  r.steps = 100;
  r.optimizer_ms = ms;
  r.step_ms = 10 * ms;
  r.accuracy = accuracy;
  r.loss = 1 - accuracy;
  for (std::size_t i = 1; i <= 10; ++i) {
    r.train.push_back({10 * i, 2.0 / static_cast<double>(i), 0.5, 1e-3, 1.0});
    r.held_out.push_back({10 * i, 2.5 / static_cast<double>(i), 0.5, 1e-3, 1.0});
  }
  return r;
}

experiment make_experiment() {
  experiment e;
  e.model = "mlp";
  e.data = "data & more";
  e.unit = "images";
  e.command = "mango-compare --data '<x>'";
  e.batch = 128;
  e.steps = 100;
  e.steps_per_epoch = 50;
  e.replicas = 4;
  e.threads = 2;
  e.runs = {make_run("adamw", 1, 0.88, 8000, 0.10), make_run("adamw", 2, 0.90, 8000, 0.30),
            make_run("sgd,\"x\"", 1, 0.86, 0, 0.05), make_run("sgd,\"x\"", 2, 0.10, 0, 0.05)};
  e.runs[3].diverged = true;
  return e;
}

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_CASE("summary: mean and spread over the seeds that did not diverge, ratios to adamw") {
  const auto rows = summarise(make_experiment());
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].figure.mean == Approx(89));
  CHECK(rows[0].figure.deviation == Approx(std::sqrt(2.0)));
  CHECK(rows[0].optimizer_ms == Approx(0.2));
  CHECK(rows[0].bytes_per_parameter() == Approx(8));
  CHECK(rows[1].figure.mean == Approx(86));
  CHECK(rows[1].diverged == 1);
  CHECK(rows[1].state_ratio.value() == Approx(0));
  CHECK(rows[1].time_ratio.value() == Approx(0.25));
  CHECK(figure_text(rows[0], true) == "89.00 +- 1.41 %");
  CHECK(figure_text(rows[1], true) == "86.00 % (1 of 2 diverged)");
}

TEST_CASE("summary: perplexity is the exponential of the loss; without adamw there are no ratios") {
  experiment e = make_experiment();
  e.classifies = false;
  e.runs.erase(e.runs.begin(), e.runs.begin() + 2);
  e.runs[0].loss = 2.0;
  const auto rows = summarise(e);
  CHECK(rows[0].figure.mean == Approx(std::exp(2.0)));
  CHECK_FALSE(rows[0].time_ratio.has_value());
}

TEST_CASE("summary: when every seed diverged it says so") {
  experiment e = make_experiment();
  for (auto& r : e.runs) r.diverged = true;
  const auto rows = summarise(e);
  CHECK(figure_text(rows[0], true) == "diverged");
  CHECK(result_grid(e, rows).best == rows.size());
  CHECK(xml::problem(html_report(e, rows)) == "");
}

TEST_CASE("table: columns line up and hold exact bytes") {
  const experiment e = make_experiment();
  const grid g = result_grid(e, summarise(e));
  CHECK(g.best == 0);
  const std::string text = aligned(g);
  CHECK(lines_of(text) == 3);
  std::vector<std::size_t> widths;
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) widths.push_back(text.find('\n', at) - at);
  CHECK(widths == std::vector<std::size_t>(3, widths.front()));
  CHECK(has(text, "8,000"));
  CHECK(has(text, "peak RSS"));
}

TEST_CASE("page: well-formed, self-contained, nothing from the outside unescaped") {
  experiment e = make_experiment();
  const std::string page = html_report(e, summarise(e));
  CHECK(xml::problem(page) == "");
  CHECK(has(page, "data &amp; more"));
  CHECK(has(page, "mango-compare --data &#39;&lt;x&gt;&#39;"));
  CHECK(has(page, "prefers-color-scheme: dark"));
  for (const char* outside : {"<script", "src=", "href=", "@import", "url(http"})
    CHECK(page.find(outside) == std::string::npos);
  e.classifies = false;
  e.steps_per_epoch = 0;
  e.baseline_loss = 1.5;
  CHECK(xml::problem(html_report(e, summarise(e))) == "");
  CHECK(has(html_report(e, summarise(e)), "unigram entropy"));
}

TEST_CASE("the checker of these tests finds what is broken") {
  CHECK(xml::problem("<a><b></a>") != "");
  CHECK(xml::problem("<a x=\"1\" x=\"2\"/>") != "");
  CHECK(xml::problem("<a>&nbsp;</a>") != "");
  CHECK(xml::problem("<a/><b/>") != "");
  CHECK(xml::problem("<a x=1/>") != "");
  CHECK(xml::problem("<!DOCTYPE html>\n<a x=\"&lt;\">t &amp; u<b/></a>\n") == "");
}

TEST_CASE("csv: a header, one line per run or point, quoted where needed") {
  const experiment e = make_experiment();
  const std::string results = results_csv(e), curves = curves_csv(e);
  CHECK(lines_of(results) == 5);
  CHECK(lines_of(curves) == 1 + 4 * 20);
  CHECK(results.rfind("optimizer,seed,", 0) == 0);
  CHECK(has(results, "\"sgd,\"\"x\"\"\",1,mlp,"));
  CHECK(has(curves, "adamw,2,held_out,50,1,0.5,"));
  const auto commas = [](const std::string& line) { return std::count(line.begin(), line.end(), ','); };
  CHECK(commas(results.substr(0, results.find('\n'))) == 18);
  CHECK(csv_field("plain") == "plain");
  CHECK(csv_field("two\nlines") == "\"two\nlines\"");
}

TEST_CASE("verdict: bytes must match, and the demo's adamw must learn") {
  experiment e = make_experiment();
  CHECK(judge(e, summarise(e), false, 88).good);
  CHECK(judge(e, summarise(e), true, 88).good);
  CHECK(has(judge(e, summarise(e), true, 88).sentence, "adamw reached 89.00 %"));
  CHECK_FALSE(judge(e, summarise(e), true, 89.5).good);
  e.runs[2].planned_bytes = 4;
  const verdict v = judge(e, summarise(e), false, 88);
  CHECK_FALSE(v.good);
  CHECK(has(v.sentence, "holds 0 bytes of state where 4 were planned"));
  e.runs.erase(e.runs.begin(), e.runs.begin() + 2);
  e.runs[0].planned_bytes = 0;
  CHECK_FALSE(judge(e, summarise(e), true, 88).good);
}

TEST_CASE("the machine has a name, today a date, and the peak follows what is used") {
  CHECK(has(machine_name(), "core"));
  CHECK(date_text().size() == 16);
  if (!reset_peak_resident()) {
    MESSAGE("the peak cannot be reset here");
    return;
  }
  const std::size_t before = peak_resident(), used = std::size_t{64} << 20;
  // Straight from the system, and back: an allocator might keep it.
  void* memory = mmap(nullptr, used, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  std::memset(memory, 1, used);
  CHECK(peak_resident() >= before + used / 2);
  munmap(memory, used);
  CHECK(reset_peak_resident());
  CHECK(peak_resident() < before + (32u << 20));
}
