#pragma once
// The scratch of passes: sums of columns and of surveys, which nobody keeps from one step to the next.
#include "mango/core/buffer.hpp"

namespace mango::inline MANGO_ABI {

/// What tensors need beside their state while they are moved: numbers that each keeps to itself, and a share of one
/// arena, which they take turns with: of 8 MiB, or less if all of them need less, or more if one does.
struct workspace_need {
  static constexpr std::size_t shared = std::size_t{8} << 20;  // every core has work, and it is little beside any state

  std::size_t own = 0, largest = 0, all = 0;

  friend constexpr workspace_need operator+(workspace_need a, workspace_need b) {
    return {a.own + b.own, a.largest > b.largest ? a.largest : b.largest, a.all + b.all};
  }
  /// Of so many tensors of a kind.
  friend constexpr workspace_need operator*(std::size_t count, workspace_need a) {
    return {count * a.own, count > 0 ? a.largest : 0, count * a.all};
  }
  constexpr std::size_t arena() const {
    const std::size_t some = all < shared ? all : shared;
    return largest > some ? largest : some;
  }
  constexpr std::size_t bytes() const { return own + arena(); }
};

namespace detail {

/// The arena of an optimizer, which whoever moves a tensor borrows: a step over all takes them in runs that fit.
/// Updates that come at the same time from several threads bring their own.
class workspace {
 public:
  /// Memory until it goes out of scope.
  class loan {
   public:
    explicit loan(workspace& of) : of_(&of) {}
    explicit loan(buffer&& own) : own_(static_cast<buffer&&>(own)) {}
    loan(loan&& other) noexcept : of_(other.of_), own_(static_cast<buffer&&>(other.own_)) { other.of_ = nullptr; }
    loan& operator=(loan&&) = delete;
    ~loan() {
      if (of_) __atomic_clear(&of_->lent_, __ATOMIC_RELEASE);
    }
    std::byte* data() const { return memory().data(); }
    std::size_t bytes() const { return memory().bytes(); }

   private:
    const buffer& memory() const { return of_ ? of_->arena_ : own_; }
    workspace* of_ = nullptr;
    buffer own_;
  };
  /// The arena, of `whole` bytes; allocate(bytes) makes it when it is too small for these. While it is lent, as much
  /// memory for this borrower alone.
  template <class Allocate> loan lend(std::size_t bytes, std::size_t whole, Allocate allocate) {
    if (__atomic_test_and_set(&lent_, __ATOMIC_ACQUIRE)) return loan(allocate(bytes));
    loan arena(*this);  // given back also when allocate throws
    if (arena_.bytes() < bytes) arena_ = allocate(whole);
    return arena;
  }

 private:
  buffer arena_;
  bool lent_ = false;
};

}  // namespace detail
}  // namespace mango
