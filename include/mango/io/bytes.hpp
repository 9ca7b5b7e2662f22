#pragma once
// Bytes that can be read from any position: a file, or memory.
#include <cstring>
#include <span>

#include "mango/core/error.hpp"

namespace mango::inline MANGO_ABI {

/// A source of bytes that stays as it is while it is read.
class byte_source {
 public:
  virtual ~byte_source() = default;
  virtual std::uint64_t size() const = 0;
  /// Fills `to` with the bytes from `at` on; both ends are within size(). Raises errc::io_read.
  virtual void read(std::uint64_t at, std::span<std::byte> to) const = 0;
  /// What it is called in messages.
  virtual std::string_view name() const = 0;
};

/// Bytes in memory.
class memory_source : public byte_source {
 public:
  explicit memory_source(std::span<const std::byte> bytes, std::string_view called = "memory")
      : bytes_(bytes), name_(called) {}
  std::uint64_t size() const override { return bytes_.size(); }
  void read(std::uint64_t at, std::span<std::byte> to) const override {
    if (!to.empty()) std::memcpy(to.data(), bytes_.data() + at, to.size());
  }
  std::string_view name() const override { return name_; }

 private:
  std::span<const std::byte> bytes_;
  std::string_view name_;
};

}  // namespace mango
