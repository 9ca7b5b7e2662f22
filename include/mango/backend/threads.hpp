#pragma once
// A small pool for trainers that have no threads of their own. Opt-in: nothing else in the library starts one.
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "mango/backend/host.hpp"
#include "mango/backend/process.hpp"
#include "mango/core/attempt.hpp"

namespace mango::inline MANGO_ABI {

namespace detail {

// the threads of a pool, and what they share
class crew {
 public:
  explicit crew(int others) {
    for (int i = 0; i < others; ++i) workers_.threads.emplace_back([this] { work(); });
  }
  int size() const { return static_cast<int>(workers_.threads.size()); }

  void run(index_t n, task t) {
    const std::lock_guard turn(turn_);
    {
      const std::lock_guard lock(mutex_);
      task_ = t;
      count_ = n;
      next_.store(0, std::memory_order_relaxed);
      busy_ = size();
      ++round_;
    }
    wake_.notify_all();
    take(t, n);
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return busy_ == 0; });
    if (const auto failed = std::exchange(failed_, nullptr)) {
      lock.unlock();
      std::rethrow_exception(failed);
    }
  }

 private:
  void take(task t, index_t n) {
    const auto failed = attempt([&] {
      for (index_t i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < n;) t(i);
    });
    if (!failed) return;
    next_.store(n, std::memory_order_relaxed);
    const std::lock_guard lock(mutex_);
    if (!failed_) failed_ = failed;
  }

  void work() {
    std::uint64_t seen = 0;
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] { return stop_ || round_ != seen; });
      if (stop_) return;
      seen = round_;
      const task t = task_;
      const index_t n = count_;
      lock.unlock();
      take(t, n);
      lock.lock();
      if (--busy_ == 0) done_.notify_one();
    }
  }

  std::mutex turn_, mutex_;
  std::condition_variable wake_, done_;
  std::atomic<index_t> next_{0};
  task task_{};
  index_t count_ = 0;
  std::uint64_t round_ = 0;
  std::exception_ptr failed_;  // the first of a run
  int busy_ = 0;
  bool stop_ = false;

  // last, so that it goes first, and also when the constructor could not start them all
  struct workers {
    crew* all;
    std::vector<std::thread> threads;
    ~workers() {
      {
        const std::lock_guard lock(all->mutex_);
        all->stop_ = true;
      }
      all->wake_.notify_all();
      for (auto& t : threads) t.join();
    }
  } workers_{this, {}};
};

}  // namespace detail

/// A fixed pool: `pool(n, f)` calls f(0), ..., f(n-1) on `size()` threads, the caller's among them, and returns when
/// all have returned. Calls from several threads take turns. f must not call the pool again. When f throws, what has
/// not begun is left out, and the first exception comes out of the call once all threads are done. In a child of fork()
/// the pool's threads are gone: there it is one thread, the caller's.
///   mango::threads pool{4};
///   mango::adamw opt{{.learning_rate = 3e-4}, mango::host{pool}};
class threads {
 public:
  /// `count` threads in all, at least 1; 0 means one per hardware thread.
  explicit threads(int count = 0) : crew_(std::in_place, workers(count)) {}
  threads(const threads&) = delete;
  threads& operator=(const threads&) = delete;
  int size() const { return crew_.here() ? crew_->size() + 1 : 1; }

  template <class F> void operator()(index_t n, const F& f) {
    if (n < 2 || size() == 1) {
      for (index_t i = 0; i < n; ++i) f(i);
      return;
    }
    crew_->run(n, task{const_cast<void*>(static_cast<const void*>(&f)),
                       [](void* context, index_t i) { (*static_cast<const F*>(context))(i); }});
  }

 private:
  static int workers(int count) {
    if (count <= 0) count = static_cast<int>(std::thread::hardware_concurrency());
    return count > 1 ? count - 1 : 0;
  }
  detail::process_owned<detail::crew> crew_;
};

}  // namespace mango
