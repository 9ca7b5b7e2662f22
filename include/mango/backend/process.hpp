#pragma once
// What belongs to one process. After fork() a child has a copy of the memory, and of the threads only the one that
// called: to wait for another would never end.
#include <unistd.h>

#include <utility>

#include "mango/core/config.hpp"

namespace mango::inline MANGO_ABI::detail {

/// The process that something was made in.
class process {
 public:
  /// Whether that is the one that asks.
  bool is_this() const noexcept { return ::getpid() == id_; }

 private:
  pid_t id_ = ::getpid();
};

/// Owns what has threads. Where they are gone it lets go without waiting for them, and the memory stays where it is:
/// its locks may be held by threads that are no more.
template <class T> class process_owned {
 public:
  template <class... A> explicit process_owned(std::in_place_t, A&&... a) : it_(new T(std::forward<A>(a)...)) {}
  process_owned(process_owned&& other) noexcept : it_(std::exchange(other.it_, nullptr)), made_in_(other.made_in_) {}
  process_owned& operator=(process_owned&&) = delete;
  ~process_owned() {
    if (here()) delete it_;
  }
  bool here() const noexcept { return made_in_.is_this(); }
  T* operator->() const noexcept { return it_; }
  T& operator*() const noexcept { return *it_; }

 private:
  T* it_;
  process made_in_;
};

}  // namespace mango::inline MANGO_ABI::detail
