#pragma once
// An array with sentinels before and after it, at a chosen misalignment.
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

namespace support {

/// n elements that start `past` elements past a 64-byte boundary, between 256 bytes and more of sentinels on each side.
/// The sentinel is 0xff bytes: a NaN in every format, so what reads it shows, and what writes it makes check() false.
template <class T> class guarded {
 public:
  explicit guarded(std::size_t n, std::size_t past = 0) : size_(n), bytes_(2 * margin + 64 + (n + past) * sizeof(T)) {
    std::memset(bytes_.data(), sentinel, bytes_.size());
    void* at = bytes_.data() + margin;
    std::size_t room = bytes_.size() - margin;
    first_ = static_cast<std::size_t>(static_cast<std::byte*>(std::align(64, 1, at, room)) - bytes_.data());
    first_ += past * sizeof(T);
    std::memset(static_cast<void*>(data()), 0, n * sizeof(T));
  }
  guarded(const std::vector<T>& elements, std::size_t past) : guarded(elements.size(), past) {
    std::copy(elements.begin(), elements.end(), data());
  }
  guarded(guarded&&) = default;  // not copyable: the copy would lie elsewhere relative to the boundary

  T* data() { return reinterpret_cast<T*>(bytes_.data() + first_); }
  const T* data() const { return reinterpret_cast<const T*>(bytes_.data() + first_); }
  std::size_t size() const { return size_; }
  T& operator[](std::size_t i) { return data()[i]; }
  const T& operator[](std::size_t i) const { return data()[i]; }
  std::span<T> span() { return {data(), size_}; }
  std::span<const T> span() const { return {data(), size_}; }

  /// True when nothing was written outside the elements.
  bool check() const {
    const std::size_t end = first_ + size_ * sizeof(T);
    for (std::size_t i = 0; i < bytes_.size(); ++i)
      if ((i < first_ || i >= end) && bytes_[i] != std::byte{sentinel}) return false;
    return true;
  }

 private:
  static constexpr std::size_t margin = 256;
  static constexpr int sentinel = 0xff;
  std::size_t size_;
  std::vector<std::byte> bytes_;
  std::size_t first_ = 0;
};

}  // namespace support
