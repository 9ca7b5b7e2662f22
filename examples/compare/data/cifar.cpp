#include "compare/data/cifar.hpp"

#include <algorithm>

#include "compare/data/bytes.hpp"

namespace compare {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t image_bytes = 3 * 32 * 32;
constexpr std::size_t record_bytes = 1 + image_bytes;
constexpr std::size_t most_bytes = std::size_t{1} << 30;

[[noreturn]] void wrong(const fs::path& path, const std::string& what) {
  throw data_error("'" + path.string() + "' is not a CIFAR-10 binary file: " + what +
                   "; unpack cifar-10-binary.tar.gz again");
}

}  // namespace

image_set read_cifar(std::span<const fs::path> files) {
  image_set out;
  out.channels = 3;
  out.height = out.width = 32;
  out.classes = 10;
  for (const fs::path& path : files) {
    const auto bytes = read_bytes(path, most_bytes);
    if (bytes.empty() || bytes.size() % record_bytes != 0) {
      wrong(path, std::to_string(bytes.size()) + " bytes are not a whole number of 3073-byte records");
    }
    for (std::size_t at = 0; at < bytes.size(); at += record_bytes) {
      if (bytes[at] > 9) wrong(path, "label " + std::to_string(bytes[at]) + " outside 0..9");
      out.labels.push_back(bytes[at]);
      const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(at) + 1;
      out.pixels.insert(out.pixels.end(), first, first + static_cast<std::ptrdiff_t>(image_bytes));
    }
  }
  return out;
}

image_data read_cifar_folder(const fs::path& folder) {
  std::vector<fs::path> train;
  for (int i = 1; i <= 5; ++i) train.push_back(folder / ("data_batch_" + std::to_string(i) + ".bin"));
  const fs::path test = folder / "test_batch.bin";
  return {.name = "CIFAR-10", .train = read_cifar(train), .test = read_cifar(std::span{&test, 1})};
}

bool has_cifar(const fs::path& folder) { return fs::exists(folder / "data_batch_1.bin"); }

}  // namespace compare
