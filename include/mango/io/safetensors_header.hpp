#pragma once
// What a safetensors file says before its data, in as few bytes as it takes there.
#include <algorithm>
#include <optional>
#include <utility>

#include "mango/io/bytes.hpp"
#include "mango/io/safetensors_types.hpp"

namespace mango::inline MANGO_ABI {

namespace detail {
// Everything of a header. A string in `text` ends with a byte that no UTF-8 has.
struct header_tables {
  struct tensor {
    std::uint64_t begin, end;
    std::uint32_t text;     // where its element type, its number of dimensions and its name are
    std::uint32_t extents;  // where its shape begins
  };
  static constexpr char end_of_string = '\xff';

  std::vector<tensor> tensors;          // in the order of their data
  std::vector<std::uint32_t> by_name;   // which tensor comes where by name
  std::vector<std::uint32_t> metadata;  // where each key is, in order; its value comes after it
  std::vector<std::uint64_t> extents;
  std::vector<char> text;
  std::uint64_t data_offset = 0, data_bytes = 0;

  std::string_view string_at(std::size_t from) const {
    const char* const begin = text.data() + from;
    const void* const end = std::memchr(begin, end_of_string, text.size() - from);
    return {begin, static_cast<std::size_t>(static_cast<const char*>(end) - begin)};
  }
  std::string_view name(const tensor& t) const { return string_at(t.text + 2); }
  const element_type& type(const tensor& t) const { return element_types[static_cast<std::size_t>(text[t.text])]; }
  std::span<const std::uint64_t> shape(const tensor& t) const {
    return {extents.data() + t.extents, static_cast<std::size_t>(text[t.text + 1])};
  }
};
}  // namespace detail

/// The tensors and the metadata of a file that has been found right. Everything it gives out points into it, and stays
/// where it is when the header is moved.
class safetensors_header {
 public:
  explicit safetensors_header(detail::header_tables&& tables) : of_(std::move(tables)) {}

  /// How many tensors there are.
  std::size_t size() const { return of_.tensors.size(); }
  /// One of them, in the order of their data; what begins and ends where another does is in the order of names.
  safetensors_tensor operator[](std::size_t i) const {
    const auto& t = of_.tensors[i];
    return {of_.name(t), &of_.type(t), of_.shape(t), t.begin, t.end};
  }
  /// Which one is called that; size() when none is.
  std::size_t find(std::string_view name) const {
    const auto less = [this](std::uint32_t i, std::string_view x) { return of_.name(of_.tensors[i]) < x; };
    const auto at = std::lower_bound(of_.by_name.begin(), of_.by_name.end(), name, less);
    return at != of_.by_name.end() && of_.name(of_.tensors[*at]) == name ? *at : size();
  }

  /// How many texts there are beside the tensors.
  std::size_t metadata_size() const { return of_.metadata.size(); }
  /// Key and text, in the order of keys.
  std::pair<std::string_view, std::string_view> metadata(std::size_t i) const {
    const auto key = of_.string_at(of_.metadata[i]);
    return {key, of_.string_at(of_.metadata[i] + key.size() + 1)};
  }
  /// The text under a key, if there is one.
  std::optional<std::string_view> metadata(std::string_view key) const {
    const auto less = [this](std::uint32_t at, std::string_view x) { return of_.string_at(at) < x; };
    const auto at = std::lower_bound(of_.metadata.begin(), of_.metadata.end(), key, less);
    if (at == of_.metadata.end() || of_.string_at(*at) != key) return std::nullopt;
    return of_.string_at(*at + key.size() + 1);
  }

  /// Where the data begins in the file, and how much there is.
  std::uint64_t data_offset() const { return of_.data_offset; }
  std::uint64_t data_bytes() const { return of_.data_bytes; }

 private:
  detail::header_tables of_;
};

}  // namespace mango
