#pragma once
// Who is at work on an optimizer, or on one of its tensors.
#include "mango/core/error.hpp"

namespace mango::inline MANGO_ABI::detail {

/// Nobody, one alone, or several side by side. Not a lock: whoever comes at the wrong time is told so at once.
class occupancy {
 public:
  bool enter_alone() noexcept {
    std::int32_t none = 0;
    return __atomic_compare_exchange_n(&inside_, &none, alone, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED) || refused();
  }
  bool enter_beside() noexcept {
    std::int32_t n = __atomic_load_n(&inside_, __ATOMIC_RELAXED);
    while (n != alone)
      if (__atomic_compare_exchange_n(&inside_, &n, n + 1, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return true;
    return refused();
  }
  void leave_alone() noexcept { __atomic_store_n(&inside_, 0, __ATOMIC_RELEASE); }
  void leave_beside() noexcept { __atomic_sub_fetch(&inside_, 1, __ATOMIC_RELEASE); }
  /// How many came at the wrong time.
  std::int64_t collisions() const noexcept { return __atomic_load_n(&collisions_, __ATOMIC_RELAXED); }

 private:
  static constexpr std::int32_t alone = -1;
  bool refused() noexcept {
    __atomic_add_fetch(&collisions_, 1, __ATOMIC_RELAXED);
    return false;
  }
  std::int32_t inside_ = 0;
  std::int64_t collisions_ = 0;
};

[[noreturn]] __attribute__((noinline, cold)) inline void refuse_collision() {
  raise(errc::concurrency,
        "another thread is at work on this optimizer. One at a time may add, bind, step, save or load; between "
        "begin_step() and the next, several may update distinct tensors",
        1, 2);
}

/// At work alone for as long as this lives.
class alone_at_work {
 public:
  explicit alone_at_work(occupancy& at) : at_(at) {
    if (!at_.enter_alone()) refuse_collision();
  }
  alone_at_work(const alone_at_work&) = delete;
  ~alone_at_work() { at_.leave_alone(); }

 private:
  occupancy& at_;
};

/// At work on one tensor, beside those who are on others.
class at_work_on {
 public:
  at_work_on(occupancy& all, occupancy& tensor, std::string_view name) : all_(all), tensor_(tensor) {
    if (!all_.enter_beside()) refuse_collision();
    if (tensor_.enter_alone()) return;
    all_.leave_beside();
    raise(errc::concurrency, "tensor {subject}: another thread is at work on it", 1, 2, name);
  }
  at_work_on(const at_work_on&) = delete;
  ~at_work_on() {
    tensor_.leave_alone();
    all_.leave_beside();
  }

 private:
  occupancy &all_, &tensor_;
};

}  // namespace mango::inline MANGO_ABI::detail
