#pragma once
// Owned bytes, zeroed and aligned to a cache line.
#include <cstring>
#include <new>

#include "mango/core/types.hpp"

namespace mango::inline MANGO_ABI {

/// A block of host memory that starts as zeros. Movable, not copyable. Throws std::bad_alloc when there is none.
class buffer {
 public:
  static constexpr std::size_t alignment = 64;

  buffer() = default;
  explicit buffer(std::size_t bytes)
      : data_(bytes ? static_cast<std::byte*>(::operator new (bytes, std::align_val_t{alignment})) : nullptr),
        bytes_(bytes) {
    if (bytes) std::memset(data_, 0, bytes);
  }
  buffer(buffer&& other) noexcept : data_(other.data_), bytes_(other.bytes_) {
    other.data_ = nullptr;
    other.bytes_ = 0;
  }
  buffer& operator=(buffer&& other) noexcept {  // what was here goes with `other`
    std::byte* const old_data = data_;
    const std::size_t old_bytes = bytes_;
    data_ = other.data_, bytes_ = other.bytes_;
    other.data_ = old_data, other.bytes_ = old_bytes;
    return *this;
  }
  ~buffer() {
    if (data_) ::operator delete (data_, std::align_val_t{alignment});
  }
  std::byte* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace mango
