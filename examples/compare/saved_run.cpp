#include "compare/saved_run.hpp"

#include <cstring>
#include <filesystem>

#include "mango/io/checkpoint.hpp"

namespace compare {
namespace {

std::vector<std::uint64_t> extents_of(const tensor& t) { return {t.shape.begin(), t.shape.end()}; }

}  // namespace

std::string saved_run_path(const std::string& folder, const std::string& spec, std::uint64_t seed) {
  std::string name = spec;
  for (char& c : name)
    if (c == '/' || c == ':' || c == ' ') c = '_';
  return (std::filesystem::path{folder} / (name + "-seed" + std::to_string(seed) + ".safetensors")).string();
}

void save_run(const std::string& path, const mango::any_optimizer& optimizer, const replicas& network) {
  std::error_code failed;  // save_checkpoint() says it better
  std::filesystem::create_directories(std::filesystem::path{path}.parent_path(), failed);
  std::vector<mango::checkpoint_array> weights;
  for (const tensor& t : network.tensors()) weights.push_back({t.name, "F32", extents_of(t), std::as_bytes(t.value)});
  mango::save_checkpoint(optimizer, path, {.keep_previous = true}, weights);
}

std::size_t load_run(const std::string& path, mango::any_optimizer& optimizer, replicas& network) {
  const mango::checkpoint_file file{mango::old_file{path}};
  std::vector<std::span<const std::byte>> weights;
  for (const tensor& t : network.tensors()) {
    const auto i = file.header().find(t.name);
    if (i == file.header().size()) mango::raise(mango::errc::state_missing, {path, " has no weights ", t.name}, t.name);
    const auto extents = extents_of(t);
    const auto saved = file.header()[i];
    if (saved.type->name != "F32" ||
        !std::equal(extents.begin(), extents.end(), saved.shape.begin(), saved.shape.end()))
      mango::raise(mango::errc::state_shape, {path, " has weights ", t.name, " of another model"}, t.name);
    weights.push_back(file.bytes(i));
  }
  mango::load_checkpoint(optimizer, file, {.leave_unexpected = true});
  for (std::size_t i = 0; i < weights.size(); ++i)
    std::memcpy(network.tensors()[i].value.data(), weights[i].data(), weights[i].size());
  const auto& done = optimizer.tensors().counters();
  return static_cast<std::size_t>(done.steps + done.skipped_steps);
}

}  // namespace compare
