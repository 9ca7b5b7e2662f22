#include "compare/data/text.hpp"

#include <algorithm>
#include <cmath>

#include "compare/data/bytes.hpp"

namespace compare {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_text = std::size_t{1} << 28;

std::vector<std::uint8_t> read_folder(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.is_symlink() && entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<std::uint8_t> all;
  for (const fs::path& file : files) {
    const auto bytes = read_bytes(file, most_text);
    const bool binary = std::find(bytes.begin(), bytes.end(), std::uint8_t{0}) != bytes.end();
    if (!binary) all.insert(all.end(), bytes.begin(), bytes.end());
    if (all.size() > most_text) throw data_error("'" + folder.string() + "' holds more than 256 MiB of text");
  }
  return all;
}

}  // namespace

text_data make_text(std::string name, std::span<const std::uint8_t> bytes) {
  std::array<bool, 256> seen{};
  for (const std::uint8_t b : bytes) seen[b] = true;
  text_data out;
  out.name = std::move(name);
  std::array<std::uint8_t, 256> token{};
  for (std::size_t b = 0; b < 256; ++b) {
    if (!seen[b]) continue;
    token[b] = static_cast<std::uint8_t>(out.vocabulary.size());
    out.vocabulary.push_back(static_cast<std::uint8_t>(b));
  }
  const std::size_t cut = bytes.size() - bytes.size() / 10;
  for (std::size_t i = 0; i < bytes.size(); ++i) (i < cut ? out.train : out.validation).push_back(token[bytes[i]]);
  return out;
}

text_data read_text(const fs::path& path) {
  if (!fs::exists(path)) throw data_error("'" + path.string() + "' does not exist; name a text file with --data FILE");
  const auto bytes = fs::is_directory(path) ? read_folder(path) : read_bytes(path, most_text);
  if (bytes.size() < least_text) {
    throw data_error("'" + path.string() + "' holds " + std::to_string(bytes.size()) +
                     " bytes of text, and gpt needs at least " + std::to_string(least_text) +
                     "; name a longer one with --data FILE");
  }
  return make_text(path.filename().string(), bytes);
}

double unigram_entropy(std::span<const std::uint8_t> tokens) {
  std::array<double, 256> count{};
  for (const std::uint8_t t : tokens) count[t] += 1.0;
  double nats = 0.0;
  for (const double c : count) {
    if (c > 0.0) nats -= c * std::log(c / static_cast<double>(tokens.size()));
  }
  return tokens.empty() ? 0.0 : nats / static_cast<double>(tokens.size());
}

}  // namespace compare
