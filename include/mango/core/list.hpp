#pragma once
// A growable array of plain data. std::vector would do, at ten times the compile time: each of its instantiations costs
// every translation unit that includes an optimizer about 20 ms, and there are six.
#include <cstring>
#include <type_traits>

#include "mango/core/growable.hpp"

namespace mango::inline MANGO_ABI {

/// Elements are copied as bytes; new ones are copies or zero bytes. Movable, not copyable. Throws std::bad_alloc.
template <class T> class list {
  static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= alignof(std::max_align_t));

 public:
  std::size_t size() const { return of_.size; }
  bool empty() const { return of_.size == 0; }
  T& operator[](std::size_t i) { return begin()[i]; }
  const T& operator[](std::size_t i) const { return begin()[i]; }
  T* begin() { return static_cast<T*>(of_.data); }
  T* end() { return begin() + of_.size; }
  const T* begin() const { return static_cast<const T*>(of_.data); }
  const T* end() const { return begin() + of_.size; }

  void reserve(std::size_t n) { of_.reserve(n, sizeof(T)); }
  void push_back(const T& x) { of_.append(&x, 1, sizeof(T)); }
  void resize(std::size_t n) {
    reserve(n);
    if (n > size()) std::memset(static_cast<void*>(begin() + size()), 0, (n - size()) * sizeof(T));
    of_.size = n;
  }
  void pop_back() { --of_.size; }
  void clear() { of_.size = 0; }

 private:
  growable of_;
};

}  // namespace mango
