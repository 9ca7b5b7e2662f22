#pragma once
// How much memory of operator new lives at once while something runs; the replacements are in counting_new_test.cpp.
#include <cstddef>

namespace io_test {

/// From its construction on. One at a time, and in one thread: what others allocate meanwhile counts too. Under the
/// thread sanitizer, which has an operator new of its own, every peak is 0.
class peak_scope {
 public:
  peak_scope();
  /// The most bytes that were alive at once, beyond those alive at the beginning.
  std::size_t bytes() const;

 private:
  long long before_;
};

/// False under the thread sanitizer.
bool allocations_can_fail();

/// The nth call of operator new from here on, of those that may throw, does: n = 1 is the next.
class failing_scope {
 public:
  explicit failing_scope(long nth);
  failing_scope(const failing_scope&) = delete;
  ~failing_scope();
  /// Whether there were so many calls.
  bool happened() const;
};

}  // namespace io_test
