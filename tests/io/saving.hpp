#pragma once
// a text that is saved and read, and what is in its folder
#include <set>
#include <string>

#include "io/temporary_folder.hpp"
#include "mango/io/file.hpp"

namespace io_test {

inline std::span<const std::byte> bytes_of(const std::string& s) { return std::as_bytes(std::span(s)); }

inline void save(const std::string& path, const std::string& text, const mango::save_options& options = {},
                 const mango::file_calls& calls = mango::system_calls()) {
  mango::new_file file(path, options, calls);
  file.reserve(text.size());
  file.write(bytes_of(text));
  file.commit();
}

inline std::string load(const std::string& path) {
  const mango::old_file file(path);
  std::string text(file.size(), '?');
  file.read(0, std::as_writable_bytes(std::span(text)));
  return text;
}

using name_set = std::set<std::string>;

inline name_set names_in(const std::string& folder) {
  std::vector<std::string> all;
  CHECK(mango::system_calls().names(folder.c_str(), all) == 0);
  return {all.begin(), all.end()};
}
inline name_set names_in(const temporary_folder& folder) { return names_in(folder.path().string()); }

/// What this process calls the n-th file that is to become "a".
inline std::string temporary(int n) { return ".a.tmp." + std::to_string(::getpid()) + "." + std::to_string(n); }

/// How many files this process has open.
inline std::size_t open_files() { return names_in("/proc/self/fd").size(); }

}  // namespace io_test
