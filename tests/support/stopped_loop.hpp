#pragma once
// a step that a test stops in the middle
#include <atomic>
#include <thread>

#include "mango/backend/host.hpp"

namespace support {

/// A host's loop: before every piece it waits until `go_on`; `inside` says that it has come to one.
struct stopped_loop {
  std::atomic<bool> inside{false}, go_on{true};
  void operator()(mango::index_t n, mango::task f) {
    for (mango::index_t i = 0; i < n; ++i) {
      inside = true;
      while (!go_on) std::this_thread::yield();
      f(i);
    }
    inside = false;
  }
};

}  // namespace support
