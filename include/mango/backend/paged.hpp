#pragma once
// State on disk: a host whose optimizers keep more state than they may fill memory with.
#include "mango/backend/host.hpp"
#include "mango/backend/mapped_file.hpp"

namespace mango::inline MANGO_ABI {

/// What a paged backend is told beside its folder.
struct paged_options {
  /// Most bytes of state that are mapped into the process at once, of all tensors together. Each thread may have one
  /// chunk's state on top while it works on it: 65,536 elements of it, or a sixteenth of a factored tensor.
  std::size_t resident_bytes = std::size_t{1} << 30;
  /// A tensor with no more bytes of state than this has it in ordinary memory, which is not counted.
  std::size_t small_bytes = std::size_t{1} << 16;
  write_back written = write_back::automatic;
};

/// host, with the state of every tensor in a file of its own, mapped into memory. Files are made in `folder` and have
/// no name from then on: nothing is left when the program ends, in whatever way.
///   mango::adamw<mango::stores<mango::bf16, mango::bf16>, mango::paged> opt{
///       {.learning_rate = 3e-4}, mango::paged{"/scratch", {.resident_bytes = std::size_t{4} << 30}}};
/// A pass is a stream: the state of the chunks to come is asked for, a chunk is computed, what it used is unmapped.
/// While the state of all tensors fits in resident_bytes nothing is unmapped; otherwise what fills three quarters of
/// that stays mapped from step to step, and the rest streams. What is unmapped is in the system's cache until that
/// needs the memory: resident_bytes bounds the process and not the cache.
/// Results are those of host, to the bit. Copies, and their optimizers, share the limit. add() raises errc::memory with
/// the folder, the bytes wanted and the bytes there are when no file can be made: a full disk is found then, never in a
/// step. (Where even allocated files are copied on write, as on btrfs, no file system promises that.) Up to half of
/// the files that a process may have stay open, to start write-back.
/// A child of fork() shares the files with its parent: it can read the state, and a step raises errc::concurrency.
class paged {
 public:
  /// Runs on the calling thread, or on the loop of the host it is given.
  explicit paged(std::string_view folder, const paged_options& options = {}, const host& loop = {})
      : pager_(new detail::pager(folder, options.resident_bytes, options.small_bytes, options.written)), loop_(loop) {}
  paged(const paged& other) : pager_(detail::pager::share(other.pager_)), loop_(other.loop_) {}
  paged(paged&& other) noexcept : pager_(std::exchange(other.pager_, nullptr)), loop_(other.loop_) {}
  paged& operator=(paged other) noexcept {
    std::swap(pager_, other.pager_);
    loop_ = other.loop_;
    return *this;
  }
  ~paged() { detail::pager::leave(pager_); }

  /// Zeroed bytes, in a file unless they are few. Those from `shared` on are used outside of chunks too: gradients
  /// accumulate there.
  buffer allocate(std::size_t bytes, std::size_t shared = SIZE_MAX) const {
    if (bytes <= pager_->small_bytes) return loop_.allocate(bytes);
    auto* file = detail::mapped_file::make(*pager_, bytes, shared);
    return buffer(file->data, bytes, file, detail::mapped_file::release);
  }
  /// Ordinary memory.
  buffer allocate_scratch(std::size_t bytes) const { return loop_.allocate(bytes); }

  template <class F> void run(index_t n, const F& f) const {
    require_usable();
    pager_->settle();
    if (!pager_->has_shared()) return loop_.run(n, f);
    loop_.run(n, [&f, p = pager_](index_t i) {
      f(i);
      p->count_piece();
    });
  }

  /// A chunk is about to use some state: it is mapped, and that of the chunks to come is asked for.
  void before(const buffer& state, const state_range& r) const {
    if (const auto* file = static_cast<const detail::mapped_file*>(state.context())) file->before(r);
  }
  /// A chunk has used it.
  void after(const buffer& state, const state_range& r) const {
    if (const auto* file = static_cast<const detail::mapped_file*>(state.context())) file->after(r);
  }

  /// Raises errc::concurrency where the files are a parent's.
  void require_usable() const {
    if (mapped_bytes() > 0) pager_->require_own_process();
  }
  /// Bytes of state in files, of this backend and its copies.
  std::size_t mapped_bytes() const { return pager_->mapped(); }

 private:
  detail::pager* pager_;
  host loop_;
};

static_assert(elementwise_backend<paged> && watching_backend<paged>);

}  // namespace mango
