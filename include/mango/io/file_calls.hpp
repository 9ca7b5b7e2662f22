#pragma once
// The system calls that reading and saving a file take, as an interface: tests put a simulated disk in their place.
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mango/core/types.hpp"

namespace mango::inline MANGO_ABI {

static_assert(sizeof(off_t) == 8, "mango: files may be larger than 2 GiB; compile with -D_FILE_OFFSET_BITS=64");

/// What a path leads to, or is itself.
enum class file_kind : std::uint8_t { regular, link, other };

/// What a file is. Device and inode together tell one file from all others.
struct file_status {
  file_kind kind = file_kind::other;
  std::uint64_t size = 0, device = 0, inode = 0, links = 0;
};

/// The system calls, as POSIX has them. Each returns what the call does, or minus errno; none is made twice.
class file_calls {
 public:
  constexpr file_calls() = default;
  constexpr virtual ~file_calls() {}  // not defaulted: gcc 12 then has it too late for a constexpr object

  /// A file that was not there, to be written. -EEXIST where there is something, be it a link that leads nowhere.
  virtual int open_new(const char* path) const {
    return result(::open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666));
  }
  /// A file to be read. Does not wait for the other end of a pipe.
  virtual int open_old(const char* path) const {
    return result(::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  }
  /// A file that is there, to be locked: for writing, since a lock on a network's file needs that.
  virtual int open_to_lock(const char* path) const {
    return result(::open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  }
  /// A folder, whose names can be made durable through it.
  virtual int open_folder(const char* path) const { return result(::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)); }
  /// The same open file once more: its lock lasts until both are closed.
  virtual int duplicate(int file) const { return result(::fcntl(file, F_DUPFD_CLOEXEC, 0)); }
  /// Locks the file for this open file alone. -EWOULDBLOCK where another holds it.
  virtual int lock(int file) const { return result(::flock(file, LOCK_EX | LOCK_NB)); }
  /// Room for so many bytes, which the file then has. A file system that cannot promise any is no error.
  virtual int allocate(int file, std::uint64_t bytes) const {
    if (bytes > std::uint64_t{INT64_MAX}) return -EFBIG;
    const int failed = ::posix_fallocate(file, 0, static_cast<off_t>(bytes));
    return failed == EOPNOTSUPP || failed == EINVAL ? 0 : -failed;
  }
  /// How many of the bytes were written, after those before.
  virtual long long write(int file, std::span<const std::byte> bytes) const {
    return result(::write(file, bytes.data(), bytes.size()));
  }
  /// How many bytes from `at` on were read; 0 at the end.
  virtual long long read_at(int file, std::uint64_t at, std::span<std::byte> to) const {
    return result(::pread(file, to.data(), to.size(), static_cast<off_t>(at)));
  }
  /// Makes a file's bytes durable, or a folder's names.
  virtual int sync(int file) const { return result(::fsync(file)); }
  /// The file is closed whatever this returns.
  virtual int close(int file) const { return result(::close(file)); }
  /// In one moment, in the place of what has that name.
  virtual int rename(const char* from, const char* to) const { return result(std::rename(from, to)); }
  /// A second name.
  virtual int link(const char* from, const char* to) const { return result(::link(from, to)); }
  /// A name, and the file with the last of them.
  virtual int remove(const char* path) const { return result(::unlink(path)); }
  /// Of an open file.
  virtual int status(int file, file_status& out) const {
    struct stat s {};
    return result(::fstat(file, &s), s, out);
  }
  /// Of what a path names: of a link, not of where it leads.
  virtual int status(const char* path, file_status& out) const {
    struct stat s {};
    return result(::lstat(path, &s), s, out);
  }
  /// Appends the names in a folder, in no order. (std::filesystem's iterator ends the program without memory.)
  virtual int names(const char* folder, std::vector<std::string>& out) const {
    struct open_folder {
      DIR* at;
      ~open_folder() {
        if (at) ::closedir(at);
      }
    } opened{::opendir(folder)};
    if (!opened.at) return -errno;
    for (errno = 0; const dirent* entry = ::readdir(opened.at); errno = 0)
      if (const std::string_view name = entry->d_name; name != "." && name != "..") out.emplace_back(name);
    return -errno;
  }

 private:
  template <class Integer> static Integer result(Integer returned) {
    return returned < 0 ? static_cast<Integer>(-errno) : returned;
  }
  static int result(int returned, const struct stat& from, file_status& to) {
    if (returned < 0) return -errno;
    to.kind = S_ISREG(from.st_mode) ? file_kind::regular : S_ISLNK(from.st_mode) ? file_kind::link : file_kind::other;
    to.size = static_cast<std::uint64_t>(from.st_size);
    to.device = static_cast<std::uint64_t>(from.st_dev);
    to.inode = static_cast<std::uint64_t>(from.st_ino);
    to.links = static_cast<std::uint64_t>(from.st_nlink);
    return 0;
  }
};

/// Those of the system.
inline const file_calls& system_calls() {
  static constexpr file_calls calls;
  return calls;
}

namespace detail {

// what a call returns when no signal has ended it early
template <class Call> auto uninterrupted(const Call& call) {
  auto returned = call();
  while (returned == -EINTR) returned = call();
  return returned;
}

// An open file, or none when it is negative; closed with its object.
class open_file {
 public:
  explicit open_file(const file_calls& calls) : calls_(&calls) {}
  open_file(const open_file&) = delete;
  open_file& operator=(const open_file&) = delete;
  ~open_file() { close(); }
  // minus errno when `opened` is one
  int reset(int opened) {
    close();
    return number_ = opened;
  }
  int close() {
    const int open = number_;
    number_ = -1;
    return open < 0 ? 0 : calls_->close(open);
  }
  int number() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }

 private:
  const file_calls* calls_;
  int number_ = -1;
};

}  // namespace detail
}  // namespace mango
