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
  /// Zeroed memory that is not from operator new: `release(context)` gives it back.
  buffer(std::byte* data, std::size_t bytes, void* context, void (*release)(void* context))
      : data_(data), bytes_(bytes), context_(context), release_(release) {}
  buffer(buffer&& other) noexcept { *this = static_cast<buffer&&>(other); }
  buffer& operator=(buffer&& other) noexcept {  // what was here goes with `other`
    exchange(data_, other.data_);
    exchange(bytes_, other.bytes_);
    exchange(context_, other.context_);
    exchange(release_, other.release_);
    return *this;
  }
  ~buffer() {
    if (release_) release_(context_);
    else if (data_) ::operator delete (data_, std::align_val_t{alignment});
  }
  std::byte* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  /// What `release` is given; null of memory from operator new.
  void* context() const { return context_; }

 private:
  template <class T> static void exchange(T& a, T& b) {
    const T old = a;
    a = b, b = old;
  }
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
  void* context_ = nullptr;
  void (*release_)(void* context) = nullptr;
};

}  // namespace mango
