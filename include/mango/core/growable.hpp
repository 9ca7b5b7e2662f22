#pragma once
// Memory that grows, whatever is in it: list and text are made of this, so growing is compiled once per program.
#include <cstring>
#include <new>

#include "mango/core/types.hpp"

namespace mango::inline MANGO_ABI {

/// `size` elements of plain data, whose bytes per element (`unit`) every call is told. Movable, not copyable. Throws
/// std::bad_alloc.
struct growable {
  void* data = nullptr;
  std::size_t size = 0, capacity = 0;

  growable() = default;
  growable(growable&& other) noexcept : data(other.data), size(other.size), capacity(other.capacity) {
    other.data = nullptr;
    other.size = other.capacity = 0;
  }
  growable& operator=(growable&& other) noexcept {  // what was here goes with `other`
    void* const old_data = data;
    const std::size_t old_size = size, old_capacity = capacity;
    data = other.data, size = other.size, capacity = other.capacity;
    other.data = old_data, other.size = old_size, other.capacity = old_capacity;
    return *this;
  }
  ~growable() { ::operator delete(data); }

  __attribute__((noinline)) void reserve(std::size_t n, std::size_t unit) { ::operator delete(grow(n, unit)); }
  /// Appends n elements, which may be some of its own, and keeps room for `more`.
  __attribute__((noinline)) void append(const void* x, std::size_t n, std::size_t unit, std::size_t more = 0) {
    void* old = grow(size + n + more, unit);  // freed last: x may be in it
    if (n) std::memmove(static_cast<char*>(data) + size * unit, x, n * unit);
    size += n;
    ::operator delete(old);
  }

 private:
  __attribute__((noinline)) void* grow(std::size_t n, std::size_t unit) {
    if (n <= capacity) return nullptr;
    const std::size_t most = static_cast<std::size_t>(PTRDIFF_MAX) / unit;
    const std::size_t room = n > most || n > 2 * capacity ? n : 2 * capacity;
    void* grown = ::operator new(room > most ? static_cast<std::size_t>(PTRDIFF_MAX) : room * unit);
    if (size) std::memcpy(grown, data, size * unit);
    void* const old = data;
    data = grown;
    capacity = room;
    return old;
  }
};

}  // namespace mango
