// mango-plan: will it fit? What a model takes with every optimizer, before a byte is allocated.
#include <cstdio>
#include <exception>
#include <fstream>

#include "compare/format.hpp"
#include "plan/chart.hpp"
#include "plan/options.hpp"

namespace {

using namespace plan;

void list_models() {
  for (const auto& known : known_models()) {
    const std::string name{known.name};
    const model m = load(name);
    std::printf("%-18s %15s parameters in %s tensors\n", name.c_str(),
                compare::grouped(static_cast<bytes_t>(m.parameters())).c_str(),
                compare::grouped(static_cast<bytes_t>(m.tensor_count())).c_str());
  }
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file{path, std::ios::binary | std::ios::trunc};
  file << text << std::flush;
  if (!file) throw std::runtime_error("'" + path + "' cannot be written; name another file with --svg");
}

int make_plan(const options& o) {
  result r{.what = load(o.models), .how = o.how, .budget = o.budget, .needs = {}};
  r.needs = needs_of(r.what, r.how, o.optimizers.empty() ? all_optimizers() : o.optimizers);
  if (!o.svg.empty()) write_file(o.svg, svg_chart(r));
  std::printf("%s\n\n%s\n%s", heading(r).c_str(), table(r).c_str(), bars(r).c_str());
  const std::string sentence = verdict(r);
  if (r.fitting() > 0) {
    if (!sentence.empty()) std::printf("\n%s\n", sentence.c_str());
    return 0;
  }
  std::fflush(stdout);
  std::fprintf(stderr, "mango-plan: %s\n", sentence.c_str());
  return 1;
}

}  // namespace

int main(int count, char** words) try {
  const parsed command = parse({words + 1, words + count});
  if (!command.run) {
    std::fprintf(command.exit_code == 0 ? stdout : stderr, "%s%s\n",
                 command.exit_code == 0 ? "" : "mango-plan: ", command.text.c_str());
    return command.exit_code;
  }
  if (command.run->list) {
    list_models();
    return 0;
  }
  return make_plan(*command.run);
} catch (const std::exception& e) {
  std::fprintf(stderr, "mango-plan: %s\n", e.what());
  return 2;
}
