// mango-compare: trains real networks with the library's optimizers by name and compares them.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>

#include "compare/data/bytes.hpp"
#include "compare/defaults.hpp"
#include "compare/experiment.hpp"
#include "compare/format.hpp"
#include "compare/report/csv.hpp"
#include "compare/report/grid.hpp"
#include "compare/report/html.hpp"
#include "compare/verdict.hpp"
#include "factory/by_name.hpp"

namespace {

namespace fs = std::filesystem;
using namespace compare;

void write_file(const fs::path& path, const std::string& text) {
  std::ofstream file{path, std::ios::binary | std::ios::trunc};
  file << text << std::flush;
  if (!file) throw std::runtime_error("'" + path.string() + "' cannot be written; name another folder with --output");
}

// Before training: a folder that cannot be written is better known now than after the last run.
void prepare_output(const fs::path& folder) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed)
    throw std::runtime_error("folder '" + folder.string() + "' cannot be made; name another one with --output");
  write_file(folder / "results.csv", "");
}

void write_reports(const fs::path& folder, const experiment& e, const std::vector<row>& rows) {
  write_file(folder / "report.html", html_report(e, rows));
  write_file(folder / "results.csv", results_csv(e));
  write_file(folder / "curves.csv", curves_csv(e));
}

void list_optimizers() {
  std::printf("%-22s %8s %8s %8s\n", "learning rate for", "mlp", "convnet", "gpt");
  for (const auto& kind : factory::kinds()) {
    const std::string name{kind.name}, summary{kind.summary};
    std::printf("%-22s %8g %8g %8g  %s\n", name.c_str(), rate_of(name, "mlp"), rate_of(name, "convnet"),
                rate_of(name, "gpt"), summary.c_str());
  }
}

int compare_optimizers(const options& o) {
  prepare_output(o.output);
  const experiment e = run_experiment(o, "mango-compare");
  const auto rows = summarise(e);
  write_reports(o.output, e, rows);
  const verdict v = judge(e, rows, o.demo, demo_accuracy);
  std::printf("%s%s on %s: %s steps of %zu, %zu threads\n\n%s\n%s\n", o.quiet ? "" : "\n", e.model.c_str(),
              e.data.c_str(), grouped(e.steps).c_str(), e.batch, e.threads, aligned(result_grid(e, rows)).c_str(),
              table_note(e).c_str());
  if (e.baseline_loss > 0.0) std::printf("Unigram entropy of the validation text: %.4f nats.\n", e.baseline_loss);
  std::printf("wrote %s/{report.html,results.csv,curves.csv}\nrepeat with: %s\n%s\n", o.output.c_str(),
              e.command.c_str(), v.sentence.c_str());
  return v.good ? 0 : 1;
}

}  // namespace

int main(int count, char** words) try {
  std::vector<std::string> names;
  for (const auto& kind : factory::kinds()) names.emplace_back(kind.name);
  const parsed command = parse({words + 1, words + count}, names);
  if (!command.run) {
    std::fprintf(command.exit_code == 0 ? stdout : stderr, "%s%s\n",
                 command.exit_code == 0 ? "" : "mango-compare: ", command.text.c_str());
    return command.exit_code;
  }
  if (command.run->list) {
    list_optimizers();
    return 0;
  }
  return compare_optimizers(*command.run);
} catch (const std::exception& e) {
  std::fprintf(stderr, "mango-compare: %s\n", e.what());
  return 2;
}
