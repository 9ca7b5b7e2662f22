#pragma once
// Safetensors files in memory, good and bad.
#include <string>

#include "mango/io/safetensors.hpp"

namespace io_test {

using text_pair = std::pair<std::string, std::string>;

/// A file of these bytes.
inline mango::memory_source in_memory(const std::string& bytes, std::string_view name = "memory") {
  return mango::memory_source(std::as_bytes(std::span(bytes)), name);
}
/// What such a file says. It keeps nothing of the bytes.
inline mango::safetensors_header read(const std::string& bytes, std::string_view name = "memory") {
  return mango::read_safetensors(in_memory(bytes, name));
}

/// The length, the header, and as many bytes of data.
inline std::string file_of(const std::string& header, std::size_t data = 0) {
  std::string out;
  for (int i = 0; i < 8; ++i) out += static_cast<char>(header.size() >> 8 * i & 0xff);
  return out + header + std::string(data, '\0');
}
/// An entry of a header.
inline std::string entry(const std::string& name, const std::string& type, const std::string& shape,
                         const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + type + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
}

/// A file with an empty header of any size: two braces and spaces, which are nowhere.
class blank_file : public mango::byte_source {
 public:
  explicit blank_file(std::size_t header) : beginning_(file_of("{}")), size_(8 + header) {
    for (std::size_t i = 0; i < 8; ++i) beginning_[i] = static_cast<char>(header >> 8 * i & 0xff);
  }
  std::uint64_t size() const override { return size_; }
  void read(std::uint64_t at, std::span<std::byte> to) const override {
    for (std::size_t i = 0; i < to.size(); ++i)
      to[i] = static_cast<std::byte>(at + i < beginning_.size() ? beginning_[at + i] : ' ');
  }
  std::string_view name() const override { return "blank"; }

 private:
  std::string beginning_;
  std::uint64_t size_;
};

/// A file with the same tensors and metadata, as this library writes it, and zeros for data.
inline std::string written_again(const mango::safetensors_header& h) {
  std::vector<mango::safetensors_entry> entries;
  std::vector<text_pair> metadata;
  for (std::size_t i = 0; i < h.size(); ++i) {
    const auto t = h[i];
    entries.push_back({std::string(t.name), t.type->name, {t.shape.begin(), t.shape.end()}});
  }
  for (std::size_t i = 0; i < h.metadata_size(); ++i) metadata.emplace_back(h.metadata(i));
  const auto layout = mango::lay_out(entries, metadata);
  return layout.prefix + std::string(static_cast<std::size_t>(layout.data_bytes), '\0');
}

/// Whether both say the same, in whatever order their data is.
inline bool same(const mango::safetensors_header& a, const mango::safetensors_header& b) {
  bool equal = a.size() == b.size() && a.metadata_size() == b.metadata_size() && a.data_bytes() == b.data_bytes();
  for (std::size_t i = 0; equal && i < a.size(); ++i) {
    const auto at = b.find(a[i].name);
    equal = at < b.size() && a[i].name == b[at].name && a[i].type == b[at].type &&
            std::ranges::equal(a[i].shape, b[at].shape) && a[i].end - a[i].begin == b[at].end - b[at].begin;
  }
  for (std::size_t i = 0; equal && i < a.metadata_size(); ++i)
    equal = a.metadata(i) == b.metadata(i) && b.metadata(a.metadata(i).first) == a.metadata(i).second;
  return equal;
}

}  // namespace io_test
