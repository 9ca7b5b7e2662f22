#pragma once
// The header of a new safetensors file: the same tensors and metadata give the same bytes.
#include <algorithm>
#include <utility>

#include "mango/io/bytes.hpp"
#include "mango/io/safetensors_types.hpp"

namespace mango::inline MANGO_ABI::detail {

// A new file as far as it is known: its data is not.
class unwritten_file : public memory_source {
 public:
  static constexpr std::string_view called = "what is to be written";
  explicit unwritten_file(const safetensors_layout& layout)
      : memory_source(std::as_bytes(std::span(layout.prefix)), called),
        size_(layout.prefix.size() + layout.data_bytes) {}
  std::uint64_t size() const override { return size_; }

 private:
  std::uint64_t size_;
};

// Lays tensors out by the size of their elements, largest first: every one begins at a multiple of its own.
class header_writer {
 public:
  using text_pair = std::pair<std::string, std::string>;

  header_writer(std::span<const safetensors_entry> entries, std::span<const text_pair> metadata)
      : entries_(entries), metadata_(metadata), order_(entries.size()), types_(entries.size()) {
    for (std::size_t i = 0; i < entries.size(); ++i) {
      order_[i] = i;
      types_[i] = find_element_type(entries[i].type);
      if (!types_[i])
        raise(errc::dtype_unknown, "{word}: tensor {subject} has elements of type {other}", 0, 0, entries[i].name,
              quoted(unwritten_file::called), quoted(entries[i].type));
    }
    std::stable_sort(order_.begin(), order_.end(), [&](auto a, auto b) { return types_[a]->bits > types_[b]->bits; });
  }

  safetensors_layout run() {
    layout_.begin.resize(entries_.size());
    out_.assign(length_bytes, 0);
    out_ += '{';
    if (!metadata_.empty()) put_metadata();
    for (const auto i : order_) put_tensor(i);
    out_ += '}';
    out_.append((alignment - out_.size() % alignment) % alignment, ' ');
    const std::uint64_t length = out_.size() - length_bytes;
    for (std::size_t i = 0; i < length_bytes; ++i) out_[i] = static_cast<char>(length >> 8 * i & 0xff);
    layout_.prefix = std::move(out_);
    return std::move(layout_);
  }

 private:
  static constexpr std::size_t length_bytes = 8, alignment = 8;

  void put_metadata() {
    std::vector<const text_pair*> sorted;
    for (const auto& pair : metadata_) sorted.push_back(&pair);
    std::sort(sorted.begin(), sorted.end(), [](auto a, auto b) { return *a < *b; });
    put_name("__metadata__");
    const char* before = "{";
    for (const auto* pair : sorted) {
      out_ += std::exchange(before, ",");
      put(pair->first);
      out_ += ':';
      put(pair->second);
    }
    out_ += '}';
  }

  void put_tensor(std::size_t i) {
    const auto& e = entries_[i];
    const auto begin = layout_.data_bytes, bytes = data_bytes(*types_[i], e.shape, e.name, unwritten_file::called);
    // less than what all of memory could hold, so that the size of the file is a number too
    if (bytes > std::uint64_t{INT64_MAX} - begin)
      raise(errc::shape_overflow, "{word}: with tensor {subject} its data takes more than {expected} bytes", INT64_MAX,
            shown(bytes), e.name, quoted(unwritten_file::called));
    layout_.begin[i] = begin;
    layout_.data_bytes = begin + bytes;
    put_name(e.name);
    out_ += "{\"dtype\":";
    put(e.type);
    out_ += ",\"shape\":";
    put(e.shape);
    out_ += ",\"data_offsets\":";
    const std::uint64_t offsets[] = {begin, layout_.data_bytes};
    put(offsets);
    out_ += '}';
  }

  void put_name(std::string_view name) {
    if (out_.size() > length_bytes + 1) out_ += ',';
    put(name);
    out_ += ':';
  }
  void put(std::span<const std::uint64_t> numbers) {
    const char* before = "[";
    for (const auto n : numbers) {
      out_ += std::exchange(before, ",");
      out_ += std::string_view(digits(n));
    }
    out_ += numbers.empty() ? "[]" : "]";
  }
  // what is not UTF-8 goes in as it is, for the reader to refuse
  void put(std::string_view s) {
    constexpr char hex[] = "0123456789abcdef";
    out_ += '"';
    for (const char c : s) {
      if (static_cast<unsigned char>(c) < 32) out_.append({'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]});
      else if (c == '"' || c == '\\') out_.append({'\\', c});
      else out_ += c;
    }
    out_ += '"';
  }

  std::span<const safetensors_entry> entries_;
  std::span<const text_pair> metadata_;
  std::vector<std::size_t> order_;
  std::vector<const element_type*> types_;
  safetensors_layout layout_;
  std::string out_;
};

}  // namespace mango::inline MANGO_ABI::detail
