#pragma once
// A safetensors file with a checksum over all that it says: written durably, read only as it was written.
#include <algorithm>
#include <bit>
#include <memory>
#include <optional>
#include <vector>

#include "mango/io/checksum.hpp"
#include "mango/io/file.hpp"
#include "mango/io/safetensors.hpp"

namespace mango::inline MANGO_ABI {

static_assert(std::endian::native == std::endian::little, "mango: arrays are saved as they lie in memory");

/// One array to be saved: its name, its element type as safetensors calls it, its extents, and its bytes.
struct checkpoint_array {
  std::string name;
  std::string_view type;
  std::vector<std::uint64_t> shape;
  std::span<const std::byte> bytes;
};

/// Texts by key, beside the arrays.
using checkpoint_metadata = std::vector<std::pair<std::string, std::string>>;

namespace detail {
inline constexpr std::string_view checksum_key = "mango.checksum";

// of every name, type, extent, key and text; the data follow
inline checksum begin_checksum(const safetensors_header& h) {
  checksum sum;
  for (std::size_t i = 0; i < h.size(); ++i) {
    const auto t = h[i];
    sum.add(t.name);
    sum.add(t.type->name);
    sum.add(t.shape.size());
    for (const auto extent : t.shape) sum.add(extent);
  }
  for (std::size_t i = 0; i < h.metadata_size(); ++i) {
    const auto [key, value] = h.metadata(i);
    if (key == checksum_key) continue;
    sum.add(key);
    sum.add(value);
  }
  return sum;
}

// few calls for many small arrays
class buffered_writer {
 public:
  explicit buffered_writer(new_file& file) : file_(&file) { waiting_.reserve(most); }
  void write(std::span<const std::byte> bytes) {
    if (waiting_.size() + bytes.size() > most) flush();
    if (bytes.size() > most) file_->write(bytes);
    else waiting_.insert(waiting_.end(), bytes.begin(), bytes.end());
  }
  void flush() {
    if (!waiting_.empty()) file_->write(waiting_);
    waiting_.clear();
  }

 private:
  static constexpr std::size_t most = std::size_t{1} << 20;
  new_file* file_;
  std::vector<std::byte> waiting_;
};
}  // namespace detail

/// A file that is ready to be written: its checksum is known before its first byte is, so that a name may depend on it.
/// The same arrays and metadata give the same bytes.
class prepared_file {
 public:
  /// The arrays stay where they are until write(). Raises errc::size for an array of other bytes than its type and
  /// extents take, and what safetensors.hpp finds wrong with names and extents.
  prepared_file(std::span<const checkpoint_array> arrays, checkpoint_metadata metadata)
      : arrays_(arrays), order_(arrays.size()) {
    std::vector<safetensors_entry> entries;
    entries.reserve(arrays.size());
    for (const auto& a : arrays) entries.push_back({a.name, a.type, a.shape});
    metadata.emplace_back(detail::checksum_key, std::string(32, '0'));
    layout_ = lay_out(entries, metadata);
    for (std::size_t i = 0; i < order_.size(); ++i) order_[i] = i;
    std::stable_sort(order_.begin(), order_.end(), [&](auto a, auto b) { return layout_.begin[a] < layout_.begin[b]; });
    const auto header = read_safetensors(detail::unwritten_file(layout_));
    for (const auto& a : arrays) check_size(a, header[header.find(a.name)]);
    auto sum = detail::begin_checksum(header);
    for (const auto i : order_) sum.add(arrays[i].bytes);
    metadata.back().second = checksum_ = sum.digits();
    layout_ = lay_out(entries, metadata);
  }
  std::string_view checksum() const { return checksum_; }
  std::uint64_t bytes() const { return layout_.prefix.size() + layout_.data_bytes; }

  /// Durably, or not at all: io/file.hpp says how. Raises errc::io_write; what was there is still there then.
  void write(std::string_view path, const save_options& options = {}, const file_calls& calls = system_calls()) const {
    new_file file(path, options, calls);
    file.reserve(bytes());
    detail::buffered_writer out(file);
    each_piece([&](auto piece) { out.write(piece); });
    out.flush();
    file.commit();
  }
  /// The same bytes.
  std::vector<std::byte> in_memory() const {
    std::vector<std::byte> all;
    all.reserve(static_cast<std::size_t>(bytes()));
    each_piece([&](auto piece) { all.insert(all.end(), piece.begin(), piece.end()); });
    return all;
  }

 private:
  static void check_size(const checkpoint_array& a, const safetensors_tensor& t) {
    if (a.bytes.size() != t.end - t.begin)
      raise(errc::size, "the array {subject} is to be saved from {got} bytes, its type and extents take {expected}",
            static_cast<long long>(t.end - t.begin), static_cast<long long>(a.bytes.size()), a.name);
  }
  template <class F> void each_piece(F f) const {
    f(std::as_bytes(std::span(layout_.prefix)));
    for (const auto i : order_) f(arrays_[i].bytes);
  }

  std::span<const checkpoint_array> arrays_;
  std::vector<std::size_t> order_;
  safetensors_layout layout_;
  std::string checksum_;
};

/// All of a file, in memory, after its format and its checksum have been found right.
class checkpoint_file {
 public:
  /// Raises errc::io_read, errc::state_checksum, and all that a safetensors file can have wrong.
  explicit checkpoint_file(const byte_source& from)
      : header_(read_safetensors(from)),
        data_(std::make_unique_for_overwrite<std::byte[]>(static_cast<std::size_t>(header_.data_bytes()))) {
    constexpr std::uint64_t some = std::uint64_t{8} << 20;
    auto sum = detail::begin_checksum(header_);
    for (std::uint64_t at = 0; at < header_.data_bytes(); at += some) {
      const std::span piece(data_.get() + at, static_cast<std::size_t>(std::min(some, header_.data_bytes() - at)));
      from.read(header_.data_offset() + at, piece);
      sum.add(std::span<const std::byte>(piece));
    }
    const auto saved = header_.metadata(detail::checksum_key);
    checksum_ = sum.digits();
    if (!saved)
      raise(errc::state_checksum,
            {mango::quoted(from.name()), " has no checksum, so nobody can say whether it is what was saved"},
            from.name());
    if (*saved != checksum_)
      raise(errc::state_checksum,
            {mango::quoted(from.name()), " is damaged: its checksum is ", checksum_, ", and was ",
             mango::quoted(*saved), " when it was saved"},
            from.name());
    name_ = from.name();
  }

  const safetensors_header& header() const { return header_; }
  /// What the file is called in messages.
  std::string_view name() const { return name_; }
  std::string_view checksum() const { return checksum_; }
  /// The bytes of array i.
  std::span<const std::byte> bytes(std::size_t i) const {
    const auto t = header_[i];
    return {data_.get() + t.begin, static_cast<std::size_t>(t.end - t.begin)};
  }
  /// The text under a key; raises errc::state_missing.
  std::string_view text_of(std::string_view key) const {
    const auto found = header_.metadata(key);
    if (!found) raise(errc::state_missing, {mango::quoted(name_), " has no metadata called ", key}, key);
    return *found;
  }

 private:
  safetensors_header header_;
  std::unique_ptr<std::byte[]> data_;
  std::string name_, checksum_;
};

}  // namespace mango
