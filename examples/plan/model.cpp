#include "plan/model.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "plan/error.hpp"
#include "plan/safetensors.hpp"
#include "plan/table.hpp"

namespace plan {
namespace {

constexpr index_t most_parameters = index_t{1} << 53;

bool ends_with(std::string_view text, std::string_view end) { return text.ends_with(end); }

}  // namespace

index_t model::tensor_count() const { return tensor_count_; }
index_t model::parameters() const { return parameters_; }

index_t model::largest() const {
  index_t most = 0;
  for (const auto& p : parts) most = std::max(most, p.count > 0 ? p.shape.elements() : 0);
  return most;
}

void model::add(const mango::shape& shape, index_t count, const std::string& where) {
  index_t more = 0, total = 0, pieces = 0;
  if (__builtin_mul_overflow(shape.elements(), count, &more) || __builtin_add_overflow(parameters_, more, &total) ||
      __builtin_add_overflow(tensor_count_, count, &pieces) || std::max(total, pieces) > most_parameters)
    throw error(problem::too_large, where + ": with " + std::to_string(count) + " x " + mango::to_text(shape).c_str() +
                                        " there are more than " + std::to_string(most_parameters) + " parameters");
  parameters_ = total;
  tensor_count_ = pieces;
  parts.push_back({shape, count});
}

const std::vector<known_model>& known_models() {
  static const std::vector<known_model> all{
#include "plan/models.inc"
  };
  return all;
}

std::string read_file(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  if (!file || std::filesystem::is_directory(path))  // a folder opens, and only reading it fails
    throw error(problem::missing, "'" + path + "' cannot be read");
  return {std::istreambuf_iterator<char>{file}, {}};
}

model load(const std::string& source) {
  if (ends_with(source, ".csv")) return read_table(read_file(source), source);
  if (ends_with(source, ".safetensors")) return read_safetensors(source);
  std::string names;
  for (const auto& known : known_models()) {
    if (known.name == source) return read_table(known.table, source);
    names += (names.empty() ? "" : ", ") + std::string{known.name};
  }
  throw error(problem::missing,
              "no model is called '" + source + "'; there are " + names + ", or name a .csv or .safetensors file");
}

model load(const std::vector<std::string>& sources) {
  model all;
  for (const auto& source : sources) {
    const model one = load(source);
    for (const auto& p : one.parts) all.add(p.shape, p.count, source);
    all.name += (all.name.empty() ? "" : " + ") + one.name;
    all.skipped += one.skipped;
  }
  if (sources.size() > 3) all.name = sources.front() + " and " + std::to_string(sources.size() - 1) + " more";
  return all;
}

}  // namespace plan
