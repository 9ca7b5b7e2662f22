#include "plan/memory.hpp"

#include <algorithm>

#include "factory/by_name.hpp"
#include "mango/io/background_save.hpp"

namespace plan {
namespace {

// "adamw" or "adamw:b1=0.5", with more settings
std::string with_settings(std::string line, const std::vector<std::string>& settings) {
  for (const auto& s : settings) line += (line.find(':') == line.npos ? ":" : ",") + s;
  return line;
}

need need_of(const model& m, const setup& how, const std::string& line) {
  const auto optimizer = factory::make(with_settings(line, how.settings));
  const auto element = static_cast<bytes_t>(mango::size_of(how.parameters));
  const auto numbers = static_cast<bytes_t>(m.parameters());
  need out{.optimizer = line};
  out.weights = numbers * (element + (how.master ? sizeof(float) : 0));
  out.gradients = (how.fused ? static_cast<bytes_t>(m.largest()) : numbers) * element;
  mango::workspace_need workspace;
  for (const auto& p : m.parts) {
    const auto spec = spec_of(p.shape, how);
    out.state += static_cast<bytes_t>(p.count) * optimizer.state_bytes(spec);
    workspace = workspace + static_cast<std::size_t>(p.count) * optimizer.workspace(spec);
  }
  out.scratch = workspace.bytes();
  if (how.background_save)
    out.scratch += mango::background_save::bytes(out.state, static_cast<std::size_t>(m.tensor_count()));
  return out;
}

}  // namespace

mango::tensor_spec spec_of(const mango::shape& shape, const setup& how) {
  return {.shape = shape, .parameter = how.parameters, .master = how.master};
}

std::vector<std::string> all_optimizers() {
  return factory::lines();
}

std::vector<need> needs_of(const model& m, const setup& how, const std::vector<std::string>& optimizers) {
  std::vector<need> out;
  for (const auto& line : optimizers) out.push_back(need_of(m, how, line));
  std::stable_sort(out.begin(), out.end(), [](const need& a, const need& b) { return a.total() < b.total(); });
  return out;
}

}  // namespace plan
