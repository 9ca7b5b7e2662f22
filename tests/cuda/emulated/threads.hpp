#pragma once
// A block of threads on one host thread: every CUDA thread is a fiber that runs until it waits for others.
#include <csetjmp>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <stdexcept>
#include <vector>

#include <ucontext.h>

namespace emulated {

struct dim {
  unsigned x;
};

/// The block that runs now. Blocks run one after the other, so that what is shared in a block can be static.
class block {
 public:
  /// Runs body() once per thread of every block, and throws if threads wait for each other forever.
  static void run(unsigned blocks, unsigned threads, const std::function<void()>& body) {
    memory& kept = of_all_blocks();
    while (kept.stacks.size() < threads) kept.stacks.emplace_back(new char[stack_bytes]);
    kept.threads.resize(threads);
    kept.meetings.reserve(16 * threads);  // so that references to them stay
    for (unsigned b = 0; b < blocks; ++b) {
      block one(b, threads, body);
      now() = &one;
      one.run();
    }
    now() = nullptr;
  }
  static block*& now() {
    static block* b = nullptr;
    return b;
  }
  unsigned index() const { return index_; }
  unsigned thread() const { return current_; }

  /// Until done() holds; other threads run meanwhile.
  template <class Done> void wait(Done done) {
    while (!done()) {
      if (_setjmp(threads_[current_].place) == 0) _longjmp(home_, 1);
    }
    ++progress_;
  }
  /// Until `count` threads have come to this barrier.
  void meet(unsigned number, unsigned count) {
    auto& b = barriers_[number];
    const auto round = b.round;
    if (++b.arrived == count) b.arrived = 0, ++b.round;
    wait([&b, round] { return b.round != round; });
  }
  /// What `lane` of the warp brought to its call number n with these members; all of them have come.
  std::uint64_t exchange(std::uint32_t members, std::uint64_t mine, unsigned lane) {
    const unsigned own = current_ % 32;
    if ((members >> own & 1u) == 0) throw std::logic_error("a thread is not among the members that it names");
    auto& with = meeting_of(members);
    const auto n = ++with.calls[own];
    with.values[n % 2][own] = mine;
    const unsigned first = current_ / 32 * 32;
    wait([&, n] {
      for (unsigned l = 0; l < 32; ++l)
        if ((members >> l & 1u) != 0 && first + l < threads_.size() && with.calls[l] < n) return false;
      return true;
    });
    return with.values[n % 2][lane];
  }
  unsigned alive() const { return alive_; }
  unsigned size() const { return static_cast<unsigned>(threads_.size()); }

 private:
  static constexpr std::size_t stack_bytes = std::size_t{96} << 10;
  struct fiber {
    ucontext_t start;
    std::jmp_buf place;
    bool begun = false, ended = false;
  };
  struct barrier {
    unsigned arrived = 0;
    std::uint64_t round = 0;
  };
  struct meeting {
    unsigned warp;
    std::uint32_t members;
    std::uint64_t calls[32], values[2][32];
  };

  // what blocks use one after the other
  struct memory {
    std::vector<std::unique_ptr<char[]>> stacks;
    std::vector<fiber> threads;
    std::vector<meeting> meetings;
  };
  static memory& of_all_blocks() {
    static memory all;
    return all;
  }

  block(unsigned index, unsigned threads, const std::function<void()>& body)
      : index_(index), body_(&body), alive_(threads), barriers_(16) {
    meetings_.clear();
    for (auto& t : threads_) t.begun = t.ended = false;
  }

  meeting& meeting_of(std::uint32_t members) {
    const unsigned warp = current_ / 32;
    for (auto& m : meetings_)
      if (m.warp == warp && m.members == members) return m;
    if (meetings_.size() == meetings_.capacity()) throw std::logic_error("too many sets of members");
    meetings_.push_back({warp, members, {}, {}});
    return meetings_.back();
  }
  static void enter() {
    block& b = *now();
    try {
      (*b.body_)();
    } catch (...) {
      b.failure_ = std::current_exception();
    }
    b.threads_[b.current_].ended = true;
    --b.alive_;
    ++b.progress_;
    _longjmp(b.home_, 1);
  }
  void resume(unsigned t) {
    current_ = t;
    auto& f = threads_[t];
    if (_setjmp(home_) != 0) return;
    if (f.begun) _longjmp(f.place, 1);
    f.begun = true;
    getcontext(&f.start);
    f.start.uc_stack.ss_sp = of_all_blocks().stacks[t].get();
    f.start.uc_stack.ss_size = stack_bytes;
    f.start.uc_link = nullptr;
    makecontext(&f.start, enter, 0);
    setcontext(&f.start);
  }
  void run() {
    while (alive_ > 0) {
      const auto before = progress_;
      for (unsigned t = 0; t < threads_.size() && !failure_; ++t)
        if (!threads_[t].ended) resume(t);
      if (failure_) std::rethrow_exception(failure_);
      if (before == progress_) throw std::logic_error("threads of a block wait for each other");
    }
  }

  unsigned index_, current_ = 0;
  const std::function<void()>* body_;
  std::vector<fiber>& threads_ = of_all_blocks().threads;
  unsigned alive_;
  std::vector<barrier> barriers_;
  std::vector<meeting>& meetings_ = of_all_blocks().meetings;
  std::uint64_t progress_ = 0;
  std::jmp_buf home_;
  std::exception_ptr failure_;
};

}  // namespace emulated
