#pragma once
// A file that is read, and a file that is saved so that nobody ever finds half of it.
#include <utility>

#include "mango/io/bytes.hpp"
#include "mango/io/file_calls.hpp"

namespace mango::inline MANGO_ABI {

namespace detail {

// `outcome` says what became of the file: " could not be saved: "
[[noreturn]] __attribute__((noinline, cold)) inline void refuse_file(errc code, std::string_view path,
                                                                     std::string_view outcome, std::string_view call,
                                                                     long long returned) {
  const int number = static_cast<int>(-returned);
  raise(error(code,
              concat({"the file ", quoted(path), outcome, call, ": ", std::strerror(number), " (errno ",
                      mango::digits(number), ")"}),
              path, 0, number));
}

// The names that savers of a path give to files of their own. They lie beside it: a rename stays in one file system.
struct temporary_names {
  std::string_view beside, name;  // the path up to its last slash, and the rest

  explicit temporary_names(std::string_view path)
      : beside(path.substr(0, path.rfind('/') + 1)), name(path.substr(beside.size())) {}
  std::string folder() const { return beside.empty() ? "." : std::string(beside); }
  // a name may have 255 bytes, and these are longer than the path's: so they have only most of it
  std::string prefix() const { return concat({".", name.substr(0, 200), ".tmp."}); }
  std::string of(long long process, int n) const {
    return concat({beside, std::string_view(prefix()), mango::digits(process), ".", mango::digits(n)});
  }
  bool has(std::string_view other) const {
    const std::string start = prefix();
    if (!other.starts_with(start)) return false;
    other.remove_prefix(start.size());
    const auto dot = other.find('.');
    return dot != other.npos && is_number(other.substr(0, dot)) && is_number(other.substr(dot + 1));
  }
  // the second name that the previous file has on its way to being kept
  static std::string aside(const std::string& temporary) { return temporary + ".prev"; }

 private:
  static bool is_number(std::string_view s) {
    return !s.empty() && s.find_first_not_of("0123456789") == std::string_view::npos;
  }
};

// Removes a temporary whose saver is gone. A saver holds the lock for as long as the name is its file's; so a name that
// is still the file's once we hold it is nobody's, and stays so until we let go.
inline void remove_if_abandoned(const file_calls& calls, const std::string& temporary) {
  open_file left(calls);
  file_status held, named;
  if (left.reset(uninterrupted([&] { return calls.open_to_lock(temporary.c_str()); })) < 0) return;
  if (calls.lock(left.number()) < 0 || calls.status(left.number(), held) < 0) return;
  if (calls.status(temporary.c_str(), named) < 0 || named.kind != file_kind::regular) return;
  if (held.inode != named.inode || held.device != named.device) return;
  calls.remove(temporary_names::aside(temporary).c_str());  // first: it is found by the other's name
  calls.remove(temporary.c_str());
}

// Leaves what it cannot remove: an old temporary is no reason not to save.
inline void remove_abandoned(const file_calls& calls, const temporary_names& names) {
  std::vector<std::string> all;
  if (calls.names(names.folder().c_str(), all) < 0) return;
  for (const auto& other : all)
    if (names.has(other)) remove_if_abandoned(calls, std::string(names.beside) + other);
}

}  // namespace detail

/// A regular file, opened for reading. It is read, not mapped: a file that becomes shorter is an error and no signal.
class old_file : public byte_source {
 public:
  /// Raises errc::io_open, and errc::not_regular_file for a folder, a pipe or a device. Follows links.
  explicit old_file(std::string_view path, const file_calls& calls = system_calls())
      : calls_(&calls), name_(path), file_(calls) {
    if (name_.find('\0') != name_.npos) raise(errc::io_open, {quoted(path), " is no path: it has a zero byte"}, path);
    const int opened = file_.reset(detail::uninterrupted([&] { return calls.open_old(name_.c_str()); }));
    if (opened < 0) detail::refuse_file(errc::io_open, path, " could not be opened: ", "open", opened);
    file_status s;
    if (const int failed = calls.status(opened, s); failed < 0)
      detail::refuse_file(errc::io_open, path, " could not be opened: ", "fstat", failed);
    if (s.kind != file_kind::regular) raise(errc::not_regular_file, {quoted(path), " is not a regular file"}, path);
    size_ = s.size;
  }

  /// What it was when the file was opened.
  std::uint64_t size() const override { return size_; }
  /// Raises errc::io_read. Where the file has become shorter, expected() is the size it had and got() the one it has.
  void read(std::uint64_t at, std::span<std::byte> to) const override {
    while (!to.empty()) {
      const long long n = detail::uninterrupted([&] { return calls_->read_at(file_.number(), at, to); });
      if (n < 0) detail::refuse_file(errc::io_read, name_, " could not be read: ", "pread", n);
      if (n == 0)
        raise(errc::io_read, "the file {subject} became shorter: it had {expected} bytes and ends after {got}",
              static_cast<long long>(size_), static_cast<long long>(at), name_);
      at += static_cast<std::uint64_t>(n);
      to = to.subspan(static_cast<std::size_t>(n));
    }
  }
  std::string_view name() const override { return name_; }

 private:
  const file_calls* calls_;
  std::string name_;
  detail::open_file file_;
  std::uint64_t size_ = 0;
};

/// What a saved file survives, besides the death of the process that saves it, which it survives always.
///   none  nothing: after a power loss, the path may name an incomplete file
///   file  its path names the old file or the new one, complete
///   full  its path names the new one once commit() has returned
enum class durability : std::uint8_t { none, file, full };

/// How a file is saved.
struct save_options {
  bool keep_previous = false;  ///< what the path named before is kept as <path>.prev
  durability how = durability::full;
};

/// A file that takes the place of what `path` names when commit() is called, in one moment, and is not seen before. It
/// is written beside it, as .<name>.tmp.<process>.<number>; savers that were killed leave such files, and the next one
/// removes them. Whatever fails removes the file, changes nothing that was there, and raises an error whose got() is
/// errno; the file is then of no use any more. Any number of savers and readers may use one path at once.
class new_file {
 public:
  /// Raises errc::io_open where no file can be made, and errc::not_regular_file where `path` names a folder, a pipe or
  /// a device. A link is replaced, not followed.
  explicit new_file(std::string_view path, const save_options& options = {}, const file_calls& calls = system_calls())
      : calls_(&calls), options_(options), path_(path), folder_(calls), lock_(calls), file_(calls) {
    const detail::temporary_names names(path_);
    if (path_.find('\0') != path_.npos) raise(errc::io_open, {quoted(path), " is no path: it has a zero byte"}, path);
    file_status s;
    const int found = calls.status(path_.c_str(), s);
    if (found < 0 && found != -ENOENT) refuse(errc::io_open, "lstat", found);
    if (found == 0 && s.kind == file_kind::other)
      raise(errc::not_regular_file, {quoted(path), " is not a regular file"}, path);
    if (names.name.empty()) raise(errc::io_open, {quoted(path), " does not name a file"}, path);
    detail::remove_abandoned(calls, names);
    if (options_.how == durability::full) {
      const std::string folder = names.folder();
      const int opened = folder_.reset(detail::uninterrupted([&] { return calls.open_folder(folder.c_str()); }));
      if (opened < 0) refuse(errc::io_open, "open of its folder", opened);
    }
    for (int n = 0; !make(names.of(::getpid(), n)); ++n)
      if (n == most_names) refuse(errc::io_open, "open", -EEXIST);
  }
  new_file(const new_file&) = delete;
  new_file& operator=(const new_file&) = delete;
  /// Without commit(), nothing has happened.
  ~new_file() { abandon(); }

  /// Finds room for all the bytes that will be written, so that a full disk is known before. Raises errc::io_write.
  void reserve(std::uint64_t bytes) {
    check_open();
    const int failed = detail::uninterrupted([&] { return calls_->allocate(file_.number(), bytes); });
    if (failed < 0) refuse(errc::io_write, "posix_fallocate", failed);
    reserved_ = bytes > reserved_ ? bytes : reserved_;
  }

  /// Appends. Raises errc::io_write.
  void write(std::span<const std::byte> bytes) {
    check_open();
    while (!bytes.empty()) {
      const long long n = detail::uninterrupted([&] { return calls_->write(file_.number(), bytes); });
      if (n <= 0) refuse(errc::io_write, "write", n < 0 ? n : -EIO);
      written_ += static_cast<std::uint64_t>(n);
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
  }
  /// Bytes so far.
  std::uint64_t written() const { return written_; }

  /// Puts the file in its place. Raises errc::io_write, and errc::size when more was reserved than written. When the
  /// last step fails, which makes the folder durable, the new file is in its place, but may not survive a power loss.
  void commit() {
    check_open();
    if (written_ < reserved_) {
      abandon();
      raise(errc::size, "{expected} bytes of the file {subject} were reserved, and {got} written",
            static_cast<long long>(reserved_), static_cast<long long>(written_), path_);
    }
    // Once, whatever it returns: after a failure the system may have forgotten what it could not write, and a second
    // call would find nothing left to do.
    if (options_.how != durability::none) check(calls_->sync(file_.number()), "fsync");
    check(file_.close(), "close");
    if (options_.keep_previous) keep_previous();
    check(calls_->rename(temporary_.c_str(), path_.c_str()), "rename");
    temporary_.clear();
    const int durable = folder_ ? calls_->sync(folder_.number()) : 0;
    abandon();
    if (durable < 0)
      detail::refuse_file(errc::io_write, path_,
                          " is in its place, but may not survive a power loss: ", "fsync of its folder", durable);
  }

 private:
  static constexpr int most_names = 9999;

  // False where the name is not ours: it is in use, or somebody who removes old temporaries was faster than our lock.
  bool make(std::string name) {
    aside_ = detail::temporary_names::aside(name);
    const int made = file_.reset(detail::uninterrupted([&] { return calls_->open_new(name.c_str()); }));
    if (made == -EEXIST) return false;
    if (made < 0) refuse(errc::io_open, "open", made);
    temporary_ = std::move(name);
    // The lock outlives the file that is written: that one is closed before its name changes, to see whether it can be.
    if (const int second = lock_.reset(calls_->duplicate(made)); second < 0) refuse(errc::io_open, "dup", second);
    // In a file system without locks nobody gets one, and so nobody removes what is ours.
    if (calls_->lock(made) != -EWOULDBLOCK) {
      file_status s;
      if (const int failed = calls_->status(made, s); failed < 0) refuse(errc::io_open, "fstat", failed);
      if (s.links > 0) return true;
    }
    temporary_.clear();
    return false;
  }

  // By links, so that the path names a file at every moment.
  void keep_previous() {
    calls_->remove(aside_.c_str());
    const int linked = calls_->link(path_.c_str(), aside_.c_str());
    if (linked == -ENOENT) return;  // there is none
    check(linked, "link");
    check(calls_->rename(aside_.c_str(), (path_ + ".prev").c_str()), "rename to .prev");
    // where both are the same file already, as after a save that came no further, rename() has left both names
    const int left = calls_->remove(aside_.c_str());
    if (left != -ENOENT) check(left, "unlink");
  }

  void check_open() const {
    if (!file_)
      raise(errc::order, {"the file ", mango::quoted(path_), " has been saved already, or could not be"}, path_);
  }
  void check(int returned, std::string_view call) {
    if (returned < 0) refuse(errc::io_write, call, returned);
  }
  [[noreturn]] void refuse(errc code, std::string_view call, long long returned) {
    abandon();
    detail::refuse_file(code, path_, " could not be saved: ", call, returned);
  }
  void abandon() {
    if (!temporary_.empty()) {
      if (options_.keep_previous) calls_->remove(aside_.c_str());
      calls_->remove(temporary_.c_str());
    }
    temporary_.clear();
    file_.close();
    lock_.close();
    folder_.close();
  }

  const file_calls* calls_;
  const save_options options_;
  std::string path_, temporary_, aside_;  // no temporary: there is no file of ours
  detail::open_file folder_, lock_, file_;
  std::uint64_t reserved_ = 0, written_ = 0;
};

}  // namespace mango
