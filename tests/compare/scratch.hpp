#pragma once
// a folder for the files that a test makes, removed with them
#include <unistd.h>
#include <zlib.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace scratch {

using bytes = std::vector<std::uint8_t>;

class folder {
 public:
  folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "mango-compare-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no folder for temporary files");
    path_ = pattern;
  }
  folder(const folder&) = delete;
  folder& operator=(const folder&) = delete;
  ~folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  std::filesystem::path write(const std::string& name, const bytes& content) const {
    const auto file = path_ / name;
    std::ofstream out{file, std::ios::binary};
    out.write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
    return file;
  }
  std::filesystem::path write_gzip(const std::string& name, const bytes& content) const {
    const auto file = path_ / name;
    gzFile out = gzopen(file.c_str(), "wb");
    gzwrite(out, content.data(), static_cast<unsigned>(content.size()));
    gzclose(out);
    return file;
  }

 private:
  std::filesystem::path path_;
};

inline bytes read(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

inline void append_word(bytes& to, std::uint32_t word) {
  for (const int shift : {24, 16, 8, 0}) to.push_back(static_cast<std::uint8_t>(word >> shift));
}

/// Images of an idx file whose i-th pixel byte is i modulo 251.
inline bytes idx_images(std::uint32_t count, std::uint32_t rows, std::uint32_t columns) {
  bytes out;
  for (const std::uint32_t word : {0x00000803u, count, rows, columns}) append_word(out, word);
  for (std::uint32_t i = 0; i < count * rows * columns; ++i) out.push_back(static_cast<std::uint8_t>(i % 251));
  return out;
}

inline bytes idx_labels(const bytes& labels) {
  bytes out;
  append_word(out, 0x00000801u);
  append_word(out, static_cast<std::uint32_t>(labels.size()));
  out.insert(out.end(), labels.begin(), labels.end());
  return out;
}

/// The sentence of what f throws as an Error; "nothing thrown" otherwise.
template <class Error, class F> std::string sentence_of(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "nothing thrown";
}

}  // namespace scratch
