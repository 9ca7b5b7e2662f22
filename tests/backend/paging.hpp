#pragma once
// what tests of paged state use: a folder of their own, a problem, and how much of the state files is in memory
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "mango/backend/paged.hpp"
#include "mango/optim/adamw.hpp"
#include "optim/numbers.hpp"

namespace backend_test {

inline constexpr std::size_t mib = std::size_t{1} << 20;
using paged_adamw = mango::adamw<mango::stores<mango::fp32, mango::fp32>, mango::paged>;

/// A parameter and a gradient.
struct problem {
  std::vector<float> p, g;
  explicit problem(mango::index_t n) : p(optim_test::uniform(n, 1)), g(optim_test::uniform(n, 2)) {}
};

/// A folder that goes with its object.
struct scratch_folder {
  std::filesystem::path path;
  scratch_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "mango-paged-XXXXXX").string();
    path = ::mkdtemp(name.data()) ? name : "";
  }
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;
  ~scratch_folder() {
    if (!path.empty()) std::filesystem::remove_all(path);
  }
  std::string string() const { return path.string(); }
  bool empty() const { return std::filesystem::is_empty(path); }
};

/// The mappings of files called mango-state-*: how many, their bytes, and how many of these this process has mapped.
struct mappings {
  int count = 0;
  std::size_t bytes = 0, resident = 0;

  mappings() {
    std::ifstream file("/proc/self/smaps");
    bool ours = false;
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      std::string first;
      words >> first;
      if (const auto dash = first.find('-'); dash != first.npos && first.back() != ':') {
        ours = line.find("/mango-state-") != line.npos;
        if (!ours) continue;
        ++count;
        bytes += std::stoull(first.substr(dash + 1), nullptr, 16) - std::stoull(first.substr(0, dash), nullptr, 16);
      } else if (ours && first == "Rss:") {
        std::size_t kilobytes = 0;
        words >> kilobytes;
        resident += kilobytes * 1024;
      }
    }
  }
};

/// How many pages of these bytes are in the system's cache, mapped or not.
inline std::size_t cached_pages(std::span<const std::byte> bytes) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> in((bytes.size() + page - 1) / page);
  ::mincore(const_cast<std::byte*>(bytes.data()), bytes.size(), in.data());
  std::size_t n = 0;
  for (const unsigned char c : in) n += c & 1;
  return n;
}

/// Writes every state file to the disk and takes it out of the cache, where the file system can.
inline void evict_all() {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (std::filesystem::read_symlink(entry, gone).string().find("/mango-state-") == std::string::npos) continue;
    const int file = std::stoi(entry.path().filename().string());
    ::fsync(file);
    ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  }
}

inline std::size_t open_files() {
  std::size_t n = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++n;
  return n;
}

}  // namespace backend_test
