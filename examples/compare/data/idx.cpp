#include "compare/data/idx.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>

#include "compare/data/bytes.hpp"

namespace compare {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_bytes = std::size_t{1} << 30;
constexpr std::size_t most_extent = std::size_t{1} << 16;

struct idx_file {
  std::vector<std::size_t> extents;
  std::vector<std::uint8_t> values;
};

std::string hex(std::uint32_t x) {
  std::array<char, 16> out{};
  std::snprintf(out.data(), out.size(), "0x%08x", x);
  return out.data();
}

[[noreturn]] void wrong(const fs::path& path, const std::string& what) {
  throw data_error("'" + path.string() + "' is not the idx file it should be (" + what + "); " + repair_hint);
}

std::uint32_t word(const std::vector<std::uint8_t>& bytes, std::size_t at) {
  return big_endian(std::span{bytes}.subspan(at).first<4>());
}

idx_file read_file(const fs::path& path, std::uint32_t magic, std::size_t dimensions) {
  auto bytes = read_bytes(path, most_bytes);
  const std::size_t header = 4 * (1 + dimensions);
  if (bytes.size() >= 4 && word(bytes, 0) != magic) {
    wrong(path, "magic number " + hex(word(bytes, 0)) + " instead of " + hex(magic));
  }
  if (bytes.size() < header) wrong(path, "it ends inside its header");

  idx_file out;
  std::size_t count = 1;
  for (std::size_t d = 0; d < dimensions; ++d) {
    const std::size_t extent = word(bytes, 4 + 4 * d);
    // The first extent counts examples; bounding all of them keeps the product inside size_t.
    if (extent == 0 || extent > (d == 0 ? most_bytes : most_extent)) {
      wrong(path, "extent " + std::to_string(extent) + " in dimension " + std::to_string(d));
    }
    count *= extent;
    if (count > most_bytes) wrong(path, "its extents promise more than " + std::to_string(most_bytes) + " bytes");
    out.extents.push_back(extent);
  }
  if (bytes.size() != header + count) {
    wrong(path, std::to_string(bytes.size()) + " bytes where its header promises " + std::to_string(header + count));
  }
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(header));
  out.values = std::move(bytes);
  return out;
}

fs::path with_or_without_gz(const fs::path& folder, const char* name) {
  const fs::path plain = folder / name;
  fs::path packed = plain;
  packed += ".gz";
  return fs::exists(packed) && !fs::exists(plain) ? packed : plain;
}

fs::path find_file(const fs::path& folder, const char* name) {
  fs::path path = with_or_without_gz(folder, name);
  if (!fs::exists(path)) throw data_error("'" + path.string() + "' (or '.gz') does not exist; " + install_hint);
  return path;
}

}  // namespace

image_set read_idx(const fs::path& images, const fs::path& labels) {
  idx_file x = read_file(images, 0x00000803, 3);
  idx_file y = read_file(labels, 0x00000801, 1);
  if (x.extents[0] != y.extents[0]) {
    wrong(labels, std::to_string(y.extents[0]) + " labels for " + std::to_string(x.extents[0]) + " images");
  }
  image_set out;
  out.channels = 1;
  out.height = x.extents[1];
  out.width = x.extents[2];
  out.classes = 10;
  const auto bad = std::find_if(y.values.begin(), y.values.end(), [](std::uint8_t c) { return c > 9; });
  if (bad != y.values.end()) wrong(labels, "label " + std::to_string(*bad) + " outside 0..9");
  out.pixels = std::move(x.values);
  out.labels = std::move(y.values);
  return out;
}

image_data read_idx_folder(const fs::path& folder) {
  const auto half = [&](const char* images, const char* labels) {
    return read_idx(find_file(folder, images), find_file(folder, labels));
  };
  image_data out;
  out.train = half("train-images-idx3-ubyte", "train-labels-idx1-ubyte");
  out.test = half("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte");
  if (out.train.image_bytes() != out.test.image_bytes()) {
    wrong(folder / "t10k-images-idx3-ubyte", "its images have another size than the training images");
  }
  out.name = folder.filename().empty() ? folder.parent_path().filename().string() : folder.filename().string();
  return out;
}

bool has_idx(const fs::path& folder) { return fs::exists(with_or_without_gz(folder, "train-images-idx3-ubyte")); }

}  // namespace compare
