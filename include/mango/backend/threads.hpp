#pragma once
// A small pool for trainers that have no threads of their own. Opt-in: nothing else in the library starts one.
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "mango/backend/host.hpp"

namespace mango::inline MANGO_ABI {

/// A fixed pool: `pool(n, f)` calls f(0), ..., f(n-1) on `size()` threads, the caller's among them, and returns when
/// all have returned. Calls from several threads take turns. f must not throw, and must not call the pool again.
///   mango::threads pool{4};
///   mango::adamw opt{{.learning_rate = 3e-4}, mango::host{pool}};
class threads {
 public:
  /// `count` threads in all, at least 1; 0 means one per hardware thread.
  explicit threads(int count = 0) {
    if (count <= 0) count = static_cast<int>(std::thread::hardware_concurrency());
    for (int i = 1; i < count; ++i) crew_.workers.emplace_back([this] { work(); });
  }
  threads(const threads&) = delete;
  threads& operator=(const threads&) = delete;
  int size() const { return static_cast<int>(crew_.workers.size()) + 1; }

  template <class F> void operator()(index_t n, const F& f) {
    if (crew_.workers.empty() || n < 2) {
      for (index_t i = 0; i < n; ++i) f(i);
      return;
    }
    run(n, task{const_cast<void*>(static_cast<const void*>(&f)),
                [](void* context, index_t i) { (*static_cast<const F*>(context))(i); }});
  }

 private:
  void run(index_t n, task t) {
    const std::lock_guard turn(turn_);
    {
      const std::lock_guard lock(mutex_);
      task_ = t;
      count_ = n;
      next_.store(0, std::memory_order_relaxed);
      busy_ = static_cast<int>(crew_.workers.size());
      ++round_;
    }
    wake_.notify_all();
    take(t, n);
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return busy_ == 0; });
  }

  void take(task t, index_t n) {
    for (index_t i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < n;) t(i);
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
  int busy_ = 0;
  bool stop_ = false;

  // last, so that it goes first, and also when the constructor could not start them all
  struct crew {
    threads* pool;
    std::vector<std::thread> workers;
    ~crew() {
      {
        const std::lock_guard lock(pool->mutex_);
        pool->stop_ = true;
      }
      pool->wake_.notify_all();
      for (auto& w : workers) w.join();
    }
  } crew_{this, {}};
};

}  // namespace mango
