#pragma once
// A growable array of plain data. std::vector would do, at ten times the compile time: each of its instantiations costs
// every translation unit that includes an optimizer about 20 ms, and there are six.
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

#include "mango/core/types.hpp"

namespace mango::inline MANGO_ABI {

/// Elements are copied as bytes; new ones are copies or zero bytes. Movable, not copyable. Throws std::bad_alloc.
template <class T> class list {
  static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= alignof(std::max_align_t));

 public:
  list() = default;
  list(list&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  list& operator=(list&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~list() { ::operator delete(data_); }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }

  __attribute__((noinline)) void reserve(std::size_t n) {
    if (n <= capacity_) return;
    const std::size_t most = static_cast<std::size_t>(PTRDIFF_MAX) / sizeof(T);
    const std::size_t room = n > most || n > 2 * capacity_ ? n : 2 * capacity_;
    void* grown = ::operator new(room > most ? static_cast<std::size_t>(PTRDIFF_MAX) : room * sizeof(T));
    if (size_) std::memcpy(grown, data_, size_ * sizeof(T));
    ::operator delete(data_);
    data_ = static_cast<T*>(grown);
    capacity_ = room;
  }
  void push_back(const T& x) {
    const T copy = x;
    reserve(size_ + 1);
    std::memcpy(static_cast<void*>(data_ + size_++), &copy, sizeof(T));
  }
  void resize(std::size_t n) {
    reserve(n);
    if (n > size_) std::memset(static_cast<void*>(data_ + size_), 0, (n - size_) * sizeof(T));
    size_ = n;
  }
  void pop_back() { --size_; }
  void clear() { size_ = 0; }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0, capacity_ = 0;
};

}  // namespace mango
