#pragma once
// The host: the standard library and the caller's threads, if it has any.
#include <type_traits>

#include "mango/backend/backend.hpp"

namespace mango::inline MANGO_ABI {

/// One piece of work as a trainer's own parallel loop sees it: task(i) for every i in [0, n). Two pointers, no heap.
struct task {
  void* context;
  void (*call)(void* context, index_t i);
  void operator()(index_t i) const { call(context, i); }
};

/// Serial, or on the caller's threads. `host{}` runs everything on the calling thread. `host{loop}` calls
/// `loop(n, task)`, which runs task(0) ... task(n-1), in any order, on any threads, and returns when all are done:
/// an OpenMP loop, a trainer's pool, or mango::threads. The loop is not copied: it must outlive the optimizer. It may
/// not throw: a step that has been half taken cannot be taken back.
/// Results do not depend on it: work is cut into fixed chunks and reduced in their order.
class host {
 public:
  host() = default;
  template <class Loop>
  requires(!std::same_as<std::remove_cvref_t<Loop>, host> &&
           requires(Loop & l, task t) { l(index_t{}, t); }) explicit host(Loop& loop)
      : loop_(const_cast<void*>(static_cast<const void*>(&loop))),
        call_([](void* l, index_t n, task t) { (*static_cast<Loop*>(l))(n, t); }) {}

  buffer allocate(std::size_t bytes) const { return buffer(bytes); }

  template <class F> void run(index_t n, const F& f) const {
    if (!call_ || n < 2) {
      for (index_t i = 0; i < n; ++i) f(i);
      return;
    }
    if constexpr (std::same_as<F, task>) call_(loop_, n, f);
    else
      call_(loop_, n, task{const_cast<void*>(static_cast<const void*>(&f)), [](void* context, index_t i) {
                             (*static_cast<const F*>(context))(i);
                           }});
  }

 private:
  void* loop_ = nullptr;
  void (*call_)(void*, index_t, task) = nullptr;
};

static_assert(elementwise_backend<host>);

}  // namespace mango
