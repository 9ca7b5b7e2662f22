#pragma once
// Moving tensors that take more than one pass, or whose slots are finished when all their chunks are done.
#include "mango/optim/engine.hpp"

namespace mango::inline MANGO_ABI::detail {

/// What optimizers with surveys or factored slots put into their functions; others do not compile it.
struct staged {
  static void move_one(engine& self, std::uint32_t i, const operands& o, chunk_function run) {
    auto& t = *self.tensors_[i];
    const workspace::loan scratch = borrow(self, t.layout.scratch);
    t.scratch = scratch.data();
    if (self.its_->prepare) self.its_->prepare(self, i, o);
    for (int pass = 0; pass < self.its_->passes; ++pass) {
      self.each_chunk(t.layout.chunks, [&](index_t c) { run(&self, i, o, c, pass); });
      self.its_->finish(self, i, pass);
    }
  }

  /// As many tensors at a time as the scratch is enough for.
  static void move_all(engine& self) {
    const workspace::loan scratch = borrow(self, self.need_.arena());
    const work_list& work = self.work_;
    for (std::size_t from = 0, to = 0; from < work.size(); from = to) {
      for (std::size_t used = 0; to < work.size(); ++to) {
        auto& t = *self.tensors_[work[to].tensor];
        if (t.layout.scratch > scratch.bytes() - used) break;
        t.scratch = scratch.data() + used;
        used += t.layout.scratch;
      }
      if (self.its_->prepare)
        for (std::size_t i = from; i < to; ++i)
          self.its_->prepare(self, work[i].tensor, self.tensors_[work[i].tensor]->bound);
      for (int pass = 0; pass < self.its_->passes; ++pass) {
        self.run_all(from, to, pass);
        self.each_chunk(static_cast<index_t>(to - from), [&](index_t i) {
          self.its_->finish(self, work[from + static_cast<std::size_t>(i)].tensor, pass);
        });
      }
    }
  }

 private:
  static workspace::loan borrow(engine& self, std::size_t bytes) {
    return self.workspace_.lend(bytes, self.need_.arena(),
                                [&self](std::size_t n) { return self.its_->allocate(self, n); });
  }
};

}  // namespace mango::inline MANGO_ABI::detail
