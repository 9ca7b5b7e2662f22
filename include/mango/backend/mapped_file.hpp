#pragma once
// A file without a name, mapped into memory to be a tensor's state; and what the files of one backend share.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <utility>

#include "mango/backend/backend.hpp"
#include "mango/backend/process.hpp"
#include "mango/core/error.hpp"

namespace mango::inline MANGO_ABI {

/// When state that a chunk has changed starts on its way to the disk.
///   automatic  at once where the files take more than half of the machine's memory: its cache cannot hold them then,
///              and gives up at once what is written already. Otherwise lazy
///   eager      at once
///   lazy       when the system thinks fit: what changes in every step is not written in every step
enum class write_back : std::uint8_t { automatic, eager, lazy };

namespace detail {

struct mapped_file;

// Limits and totals of a paged backend, its copies, and their files; it goes with the last of them.
class pager {
 public:
  pager(std::string_view where, std::size_t most, std::size_t small, write_back how)
      : folder(where), limit(most), small_bytes(small), written(how) {}

  const text folder;
  const std::size_t limit, small_bytes;
  const write_back written;
  // Large pages cost a sixth to map and less to unmap. But a chunk then maps up to 2 MiB of every array at once: with
  // this limit, two arrays and four threads still fit in what is not kept.
  static constexpr std::size_t least_for_large_pages = std::size_t{64} << 20;
  const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t memory = static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) * page;

  static pager* share(pager* p) {
    if (p) p->owners_.fetch_add(1, std::memory_order_relaxed);
    return p;
  }
  static void leave(pager* p) {
    if (p && p->owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete p;
  }

  std::size_t mapped() const { return mapped_.load(std::memory_order_relaxed); }
  bool fits() const { return mapped() <= limit; }
  bool writes_at_once() const {
    return written == write_back::eager || (written == write_back::automatic && mapped() > memory / 2);
  }

  // A mapping is shared with the process that made it: what a child of fork() writes, its parent trains with.
  void require_own_process() const {
    if (!own_process())
      raise(errc::concurrency,
            "the state in files of {subject} belongs to the process that made it, and to no child of fork()", 1, 2,
            folder);
  }
  bool own_process() const { return process_.is_this(); }

  // Work that is no chunk tells nobody what it uses: it may be part of an accumulator. So it is counted, and every
  // accumulator is unmapped when the pieces so far may have used too much.
  bool has_shared() const { return shared_files_.load(std::memory_order_relaxed) > 0; }
  void count_piece() {
    constexpr std::size_t piece_bytes = 4 << 16;  // a float for every element of a chunk
    if (pieces_.fetch_add(1, std::memory_order_relaxed) * piece_bytes >= limit / 4) trim();
  }
  // The latest file was filled when it was made, by nobody that tells.
  void settle() {
    if (fresh_.load(std::memory_order_relaxed)) settle_fresh();
  }

  void enter(mapped_file&);
  void exit(mapped_file&);
  // what the tensor that was added after this one needs first
  void ask_for_next(const mapped_file&, std::size_t bytes);

 private:
  void trim();
  void settle_fresh();

  const process process_;
  std::atomic<std::size_t> mapped_{0}, pieces_{0};
  std::atomic<int> owners_{1}, shared_files_{0};
  std::atomic<mapped_file*> fresh_{nullptr};
  std::mutex mutex_;               // of what follows
  mapped_file* latest_ = nullptr;  // of all files
  std::size_t kept_ = 0;
};

// Bytes that are a file. Nothing here changes a byte: whatever is unmapped is there again when it is next touched.
struct mapped_file {
  /// How far ahead state is asked for, in chunks.
  static constexpr std::size_t ahead = 4;

  pager& owner;
  const std::size_t bytes;
  const std::size_t shared;  // bytes from here on are used outside of chunks too
  std::byte* data = nullptr;
  int file = -1;                             // -1: not open any more
  mutable std::atomic<bool> on_disk{false};  // a pass has ended, so that some of it may be there alone
  std::size_t kept = 0;                      // bytes, in proportion of every array, that stay mapped from step to step
  mapped_file *earlier = nullptr, *later = nullptr;

  // a file of so many zero bytes, for all of which the disk has room
  static mapped_file* make(pager& owner, std::size_t bytes, std::size_t shared) {
    owner.require_own_process();
    owner.settle();
    auto* m = new mapped_file{owner, bytes, shared};
    if (const int failed = m->open()) {
      if (m->file >= 0) ::close(m->file);
      delete m;
      refuse(owner.folder, bytes, failed);
    }
    pager::share(&owner);
    owner.enter(*m);
    return m;
  }
  static void release(void* self) {
    auto* m = static_cast<mapped_file*>(self);
    pager* const owner = &m->owner;
    if (owner->own_process()) owner->exit(*m);  // else its lock may be held by a thread that is no more
    ::munmap(m->data, m->bytes);
    if (m->file >= 0) ::close(m->file);
    delete m;
    pager::leave(owner);
  }

  void before(const state_range& r) const {
    if (owner.fits()) return;
    const std::size_t size = r.end - r.begin, from = r.begin == r.first ? r.end : r.begin + ahead * size;
    std::size_t to = r.begin + (ahead + 1) * size;
    to = to < r.last ? to : r.last;
    if (from < to && !keeps({from, to, r.first, r.last})) ask_for(from, to);
    if (r.end == bytes) {
      owner.ask_for_next(*this, (ahead + 1) * size);
      on_disk.store(true, std::memory_order_relaxed);
    }
#if defined(MADV_POPULATE_WRITE)
    if (!keeps(r)) advise(r.begin, r.end, MADV_POPULATE_WRITE);  // one call instead of a fault for every page
#endif
  }
  void after(const state_range& r) const {
    if (keeps(r)) return;
    unmap(r.begin, r.end);
#if defined(SYNC_FILE_RANGE_WRITE)
    if (file >= 0 && owner.writes_at_once())
      ::sync_file_range(file, static_cast<off_t>(r.begin), static_cast<off_t>(r.end - r.begin), SYNC_FILE_RANGE_WRITE);
#endif
  }
  // for what is not in the cache: asking costs as much as computing. A new file has nothing to read, and what is asked
  // for comes in small pages
  void ask_for(std::size_t begin, std::size_t end) const {
    if (!on_disk.load(std::memory_order_relaxed)) return;
    std::byte* const middle = data + (begin + end) / 2 / owner.page * owner.page;
    unsigned char cached = 0;
    if (::mincore(middle, 1, &cached) != 0 || !(cached & 1)) advise(begin, end, MADV_WILLNEED);
  }
  // both ends' pages whole: a neighbour that is using them gets them back
  void unmap(std::size_t begin, std::size_t end) const { advise(begin, end, MADV_DONTNEED); }

 private:
  int open() {
    const text path = concat({owner.folder, "/mango-state-XXXXXX"});
    file = ::mkostemp(const_cast<char*>(path.c_str()), O_CLOEXEC);
    if (file < 0) return errno;
    ::unlink(path.c_str());
    int failed;
    do failed = ::posix_fallocate(file, 0, static_cast<off_t>(bytes));
    while (failed == EINTR);
    if (failed) return failed;
    void* const at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (at == MAP_FAILED) return errno;
    data = static_cast<std::byte*>(at);
#if defined(MADV_HUGEPAGE)
    if (owner.limit >= pager::least_for_large_pages) ::madvise(at, bytes, MADV_HUGEPAGE);
#endif
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    if (owner.written == write_back::lazy || static_cast<rlim_t>(file) >= files.rlim_cur / 2) {
      ::close(file);  // only needed to start write-back
      file = -1;
    }
    return 0;
  }

  [[noreturn]] __attribute__((noinline, cold)) static void refuse(std::string_view folder, std::size_t bytes,
                                                                  int failed) {
    struct statvfs disk {};
    rlimit size{};
    const bool there = ::statvfs(text(folder).c_str(), &disk) == 0;
    unsigned long long room = there ? static_cast<unsigned long long>(disk.f_bavail) * disk.f_frsize : 0;
    if (::getrlimit(RLIMIT_FSIZE, &size) == 0 && size.rlim_cur < room) room = size.rlim_cur;
    raise(errc::memory,
          "no file for {expected} bytes of state can be made in the folder {subject}, which has room for {got}: {word}",
          static_cast<long long>(bytes), static_cast<long long>(room), folder, std::strerror(failed));
  }

  // whether the range stays mapped: the first chunks of every array do, as many as `kept` allows
  bool keeps(const state_range& r) const {
    return owner.fits() || static_cast<double>(r.end - r.first) * static_cast<double>(bytes) <=
                               static_cast<double>(r.last - r.first) * static_cast<double>(kept);
  }
  void advise(std::size_t begin, std::size_t end, int how) const {
    begin -= begin % owner.page;
    ::madvise(data + begin, end - begin, how);
  }
};

inline void pager::enter(mapped_file& m) {
  const std::lock_guard lock(mutex_);
  m.earlier = latest_;
  if (latest_) latest_->later = &m;
  latest_ = &m;
  const std::size_t most = limit / 4 * 3, left = kept_ < most ? most - kept_ : 0;
  m.kept = m.bytes < left ? m.bytes : left;
  kept_ += m.kept;
  mapped_.fetch_add(m.bytes, std::memory_order_relaxed);
  if (m.shared < m.bytes) shared_files_.fetch_add(1, std::memory_order_relaxed);
  fresh_.store(&m, std::memory_order_relaxed);
}

inline void pager::exit(mapped_file& m) {
  const std::lock_guard lock(mutex_);
  (m.later ? m.later->earlier : latest_) = m.earlier;
  if (m.earlier) m.earlier->later = m.later;
  kept_ -= m.kept;
  mapped_.fetch_sub(m.bytes, std::memory_order_relaxed);
  if (m.shared < m.bytes) shared_files_.fetch_sub(1, std::memory_order_relaxed);
  mapped_file* self = &m;
  fresh_.compare_exchange_strong(self, nullptr, std::memory_order_relaxed);
}

inline void pager::ask_for_next(const mapped_file& m, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  if (m.later && m.later->kept == 0) m.later->ask_for(0, bytes < m.later->bytes ? bytes : m.later->bytes);
}

inline void pager::settle_fresh() {
  const std::lock_guard lock(mutex_);
  const mapped_file* const m = fresh_.exchange(nullptr, std::memory_order_relaxed);
  if (m && !fits()) m->unmap(0, m->bytes);
}

inline void pager::trim() {
  const std::lock_guard lock(mutex_);
  pieces_.store(0, std::memory_order_relaxed);
  if (fits()) return;
  for (const mapped_file* m = latest_; m; m = m->earlier)
    if (m->shared < m->bytes) m->unmap(m->shared, m->bytes);
}

}  // namespace detail
}  // namespace mango
