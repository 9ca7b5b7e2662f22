#pragma once
// A growable array of plain data. std::vector would do, at ten times the compile time: each of its instantiations costs
// every translation unit that includes an optimizer about 20 ms, and there are six.
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

#include "mango/core/types.hpp"

namespace mango::inline MANGO_ABI {

namespace detail {
// room for bytes; whatever the elements are, growing is compiled once
struct growable {
  void* data = nullptr;
  std::size_t size = 0, capacity = 0;  // in elements of `unit` bytes

  __attribute__((noinline)) void reserve(std::size_t n, std::size_t unit) { ::operator delete(grow(n, unit)); }
  __attribute__((noinline)) void push_back(const void* x, std::size_t unit) {
    void* old = grow(size + 1, unit);  // freed last: x may be in it
    std::memcpy(static_cast<char*>(data) + size++ * unit, x, unit);
    ::operator delete(old);
  }

 private:
  __attribute__((noinline)) void* grow(std::size_t n, std::size_t unit) {
    if (n <= capacity) return nullptr;
    const std::size_t most = static_cast<std::size_t>(PTRDIFF_MAX) / unit;
    const std::size_t room = n > most || n > 2 * capacity ? n : 2 * capacity;
    void* grown = ::operator new(room > most ? static_cast<std::size_t>(PTRDIFF_MAX) : room * unit);
    if (size) std::memcpy(grown, data, size * unit);
    capacity = room;
    return std::exchange(data, grown);
  }
};
}  // namespace detail

/// Elements are copied as bytes; new ones are copies or zero bytes. Movable, not copyable. Throws std::bad_alloc.
template <class T> class list {
  static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= alignof(std::max_align_t));

 public:
  list() = default;
  list(list&& other) noexcept : of_(std::exchange(other.of_, {})) {}
  list& operator=(list&& other) noexcept {
    std::swap(of_, other.of_);
    return *this;
  }
  ~list() { ::operator delete(of_.data); }

  std::size_t size() const { return of_.size; }
  bool empty() const { return of_.size == 0; }
  T& operator[](std::size_t i) { return begin()[i]; }
  const T& operator[](std::size_t i) const { return begin()[i]; }
  T* begin() { return static_cast<T*>(of_.data); }
  T* end() { return begin() + of_.size; }
  const T* begin() const { return static_cast<const T*>(of_.data); }
  const T* end() const { return begin() + of_.size; }

  void reserve(std::size_t n) { of_.reserve(n, sizeof(T)); }
  void push_back(const T& x) { of_.push_back(&x, sizeof(T)); }
  void resize(std::size_t n) {
    reserve(n);
    if (n > size()) std::memset(static_cast<void*>(begin() + size()), 0, (n - size()) * sizeof(T));
    of_.size = n;
  }
  void pop_back() { --of_.size; }
  void clear() { of_.size = 0; }

 private:
  detail::growable of_;
};

}  // namespace mango
