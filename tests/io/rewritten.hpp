#pragma once
// a checkpoint taken apart and put together again
#include <algorithm>
#include <list>

#include "mango/io/checkpoint.hpp"

namespace io_test {

/// A checkpoint whose arrays and metadata a test may change; bytes() has a right checksum again.
struct rewritten {
  struct entry {
    std::string name, type;
    std::vector<std::uint64_t> shape;
    std::vector<std::byte> kept;
    bool dropped = false;
    void resize(std::size_t n) { kept.resize(n); }
  };
  std::list<entry> arrays;
  mango::checkpoint_metadata metadata;

  explicit rewritten(const mango::checkpoint_file& file) {
    const auto& h = file.header();
    for (std::size_t i = 0; i < h.size(); ++i) {
      const auto bytes = file.bytes(i);
      arrays.push_back({std::string(h[i].name),
                        std::string(h[i].type->name),
                        {h[i].shape.begin(), h[i].shape.end()},
                        {bytes.begin(), bytes.end()}});
    }
    for (std::size_t i = 0; i < h.metadata_size(); ++i)
      if (const auto [key, value] = h.metadata(i); key != "mango.checksum") metadata.emplace_back(key, value);
  }
  entry& array(std::string_view name) {
    return *std::find_if(arrays.begin(), arrays.end(), [&](const entry& a) { return a.name == name; });
  }
  std::string& text(std::string_view key) {
    return std::find_if(metadata.begin(), metadata.end(), [&](const auto& m) { return m.first == key; })->second;
  }
  void forget(std::string_view key) {
    std::erase_if(metadata, [&](const auto& m) { return m.first == key; });
  }
  static void drop(entry& a) { a.dropped = true; }
  std::vector<std::byte> bytes() const {
    std::vector<mango::checkpoint_array> all;
    for (const auto& a : arrays)
      if (!a.dropped) all.push_back({a.name, a.type, a.shape, a.kept});
    return mango::prepared_file(all, metadata).in_memory();
  }
};

}  // namespace io_test
