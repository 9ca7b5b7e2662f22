#pragma once
// A disk in memory that may forget whatever was not synced; all that a power loss can leave of it; and calls that fail.
#include <algorithm>
#include <climits>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>

#include "mango/io/file_calls.hpp"

namespace io_test {

using content = std::vector<std::byte>;
using folder = std::map<std::string, std::size_t>;  // the numbers of the files that have a name
inline constexpr std::size_t sector = 512;          // what a disk writes in one piece

/// A change of a file that is not durable: bytes, or, where there are none, a size.
struct change {
  std::size_t at;
  content bytes;
  bool lost = false;  // a sync has failed: no later one makes it durable, though it says so

  void apply(content& to) const {
    if (bytes.empty() || to.size() < at + bytes.size()) to.resize(at + bytes.size());
    std::copy(bytes.begin(), bytes.end(), to.begin() + static_cast<std::ptrdiff_t>(at));
  }
};

/// A file: what is durable, and the changes since, in order.
struct simulated_file {
  content durable;
  std::vector<change> changes;

  content now() const {
    content all = durable;
    for (const auto& c : changes) c.apply(all);
    return all;
  }
  void resize(std::size_t size) { changes.push_back({size, {}}); }
  /// In pieces that end where a sector does, each of which a power loss keeps or drops. The size is one more.
  void write(std::size_t at, std::span<const std::byte> bytes) {
    if (now().size() < at + bytes.size()) resize(at + bytes.size());
    while (!bytes.empty()) {
      const std::size_t n = std::min(bytes.size(), sector - at % sector);
      changes.push_back({at, content(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n))});
      bytes = bytes.subspan(n);
      at += n;
    }
  }
  void sync(bool works) {
    for (auto& c : changes) {
      if (works && !c.lost) c.apply(durable);
      c.lost = c.lost || !works;
    }
    if (works) std::erase_if(changes, [](const change& c) { return !c.lost; });
  }
};

/// A change of names that is not durable. A new name comes from nowhere, a removed one goes nowhere.
struct naming {
  std::string from, to;
  std::size_t file;

  void apply(folder& names) const {
    if (!from.empty()) names.erase(from);
    if (!to.empty()) names[to] = file;
  }
};

/// Files, and one folder of names.
struct disk {
  std::vector<simulated_file> files;
  folder durable;
  std::vector<naming> changes;

  folder now() const {
    folder names = durable;
    for (const auto& c : changes) c.apply(names);
    return names;
  }
  std::optional<std::size_t> find(const std::string& name) const {
    const folder names = now();
    const auto at = names.find(name);
    return at == names.end() ? std::nullopt : std::optional(at->second);
  }
  void put(const std::string& name, content bytes) {
    durable[name] = files.size();
    files.push_back({std::move(bytes), {}});
  }

  /// Shows every disk that a power loss may leave now: any first part of the changes of names, in order, and any set of
  /// the changes of the files that then have one.
  template <class Visit> void each_crash(const Visit& visit) const {
    folder names = durable;
    for (std::size_t kept = 0;; ++kept) {
      each_content(names, visit);
      if (kept == changes.size()) return;
      changes[kept].apply(names);
    }
  }

 private:
  template <class Visit> void each_content(const folder& names, const Visit& visit) const {
    std::map<std::size_t, const simulated_file*> named;  // a file may have two
    for (const auto& [name, file] : names) named[file] = &files[file];
    std::vector<std::pair<std::size_t, const change*>> open;
    for (const auto& [number, file] : named)
      for (const auto& c : file->changes) open.emplace_back(number, &c);
    if (open.size() > 16) throw std::logic_error("too many changes to try every set of them");
    for (unsigned set = 0; set < 1u << open.size(); ++set) {
      disk after{files, names, {}};
      for (auto& f : after.files) f.changes.clear();
      for (std::size_t i = 0; i < open.size(); ++i)
        if (set >> i & 1) open[i].second->apply(after.files[open[i].first].durable);
      visit(after);
    }
  }
};

/// Which call fails, counted from 0, and how. `half` counts reads and writes alone: that one does half of its work, and
/// with `lasts` all later ones fail.
struct fault {
  int at = -1;
  int error = EIO;
  bool half = false, lasts = false;
};

/// The calls on such a disk, which know one folder. They are const and change it all the same, as the system's do.
class simulated_disk : public mango::file_calls {
 public:
  simulated_disk() = default;
  explicit simulated_disk(disk from) : on(std::move(from)) {}

  mutable disk on;
  mutable std::vector<std::string> log;      // every call, and the name that its file was opened by
  mutable std::function<void()> between;     // before every call but its own
  mutable fault plan;                        // counted from when it was set
  mutable std::string failed;                // the call that did
  mutable int calls = 0, dies_at = INT_MAX;  // from there on nothing happens: the process is dead

  std::optional<content> read(const std::string& name) const {
    const auto file = on.find(name);
    return file ? std::optional(on.files[*file].now()) : std::nullopt;
  }
  std::size_t open_files() const { return open_.size(); }
  /// The number that the next file gets; and the end of a process that opened it and all after it.
  int next_file() const { return next_; }
  void close_since(int file) const { open_.erase(open_.lower_bound(file), open_.end()); }

  /// What no saver should do: opens a file for writing and empties it.
  int open_in_place(const char* path) const {
    if (const int no = enter("open_in_place", path)) return no;
    const auto file = on.find(path).value();
    return on.files[file].resize(0), opened(file, path);
  }

  int open_new(const char* path) const override {
    if (const int no = enter("open_new", path)) return no;
    if (on.find(path)) return -EEXIST;
    on.files.emplace_back();
    on.changes.push_back({"", path, on.files.size() - 1});
    return opened(on.files.size() - 1, path);
  }
  int open_old(const char* path) const override { return open_existing("open_old", path); }
  int open_to_lock(const char* path) const override { return open_existing("open_to_lock", path); }
  int open_folder(const char* path) const override {
    const int no = enter("open_folder", path);
    return no ? no : opened(no_file, path);
  }
  int duplicate(int file) const override {
    if (const int no = enter("duplicate", name_of(file))) return no;
    open_[next_] = open_.at(file);
    return next_++;
  }
  int lock(int file) const override {
    if (const int no = enter("lock", name_of(file))) return no;
    const auto& mine = open_.at(file);
    for (const auto& [number, o] : open_)
      if (o != mine && o->file == mine->file && o->locked) return -EWOULDBLOCK;
    mine->locked = true;
    return 0;
  }
  int allocate(int file, std::uint64_t bytes) const override {
    if (const int no = enter("allocate", name_of(file))) return no;
    if (of(file).now().size() < bytes) of(file).resize(bytes);
    return 0;
  }
  long long write(int file, std::span<const std::byte> bytes) const override {
    if (const int no = enter("write", name_of(file))) return no;
    if (const int no = transfer(bytes)) return no;
    of(file).write(open_.at(file)->at, bytes);
    open_.at(file)->at += bytes.size();
    return static_cast<long long>(bytes.size());
  }
  long long read_at(int file, std::uint64_t at, std::span<std::byte> to) const override {
    if (const int no = enter("read_at", name_of(file))) return no;
    if (const int no = transfer(to)) return no;
    const content all = of(file).now();
    const std::size_t from = std::min<std::size_t>(at, all.size()), n = std::min(to.size(), all.size() - from);
    std::copy_n(all.begin() + static_cast<std::ptrdiff_t>(from), n, to.begin());
    return static_cast<long long>(n);
  }
  int sync(int file) const override {
    const bool names = open_.at(file)->file == no_file;
    const int no = enter("sync", names ? "the folder" : name_of(file));
    if (!names) of(file).sync(no == 0);
    else if (no == 0) on.durable = on.now(), on.changes.clear();
    return no;
  }
  int close(int file) const override {  // whatever it returns
    const int no = enter("close", name_of(file));
    open_.erase(file);
    return no;
  }
  int rename(const char* from, const char* to) const override {
    if (const int no = enter("rename", from)) return no;
    const auto file = on.find(from);
    if (!file) return -ENOENT;
    if (on.find(to) != file) on.changes.push_back({from, to, *file});  // else, as POSIX has it, both names stay
    return 0;
  }
  int link(const char* from, const char* to) const override {
    if (const int no = enter("link", to)) return no;
    const auto file = on.find(from);
    if (!file || on.find(to)) return file ? -EEXIST : -ENOENT;
    on.changes.push_back({"", to, *file});
    return 0;
  }
  int remove(const char* path) const override {
    if (const int no = enter("remove", path)) return no;
    const auto file = on.find(path);
    if (!file) return -ENOENT;
    on.changes.push_back({path, "", *file});
    return 0;
  }
  int status(int file, mango::file_status& out) const override {
    if (const int no = enter("status", name_of(file))) return no;
    return describe(open_.at(file)->file, out);
  }
  int status(const char* path, mango::file_status& out) const override {
    if (const int no = enter("status", path)) return no;
    const auto file = on.find(path);
    return file ? describe(*file, out) : -ENOENT;
  }
  int names(const char* of, std::vector<std::string>& out) const override {
    if (const int no = enter("names", of)) return no;
    for (const auto& [name, file] : on.now()) out.push_back(name);
    return 0;
  }

 private:
  static constexpr std::size_t no_file = SIZE_MAX;
  struct opening {
    std::size_t file;
    std::string name;
    std::size_t at = 0;
    bool locked = false;
  };

  // 0, or what the call returns instead of happening
  int enter(const char* call, const std::string& name) const {
    if (between && !between_) between_ = true, between(), between_ = false;
    log.push_back(std::string(call) + " " + name);
    const int n = calls++;
    if (n >= dies_at) return -EIO;
    if (plan.half || n != plan.at) return 0;
    return failed = log.back(), -plan.error;
  }
  template <class Byte> int transfer(std::span<Byte>& bytes) const {
    if (plan.half && plan.lasts && transfers_ > plan.at) return -plan.error;
    if (!plan.half || transfers_++ != plan.at) return 0;
    bytes = bytes.first((bytes.size() + 1) / 2);
    return failed = log.back(), 0;
  }
  int opened(std::size_t file, const char* path) const {
    open_[next_] = std::make_shared<opening>(opening{file, path});
    return next_++;
  }
  int open_existing(const char* call, const char* path) const {
    if (const int no = enter(call, path)) return no;
    const auto file = on.find(path);
    return file ? opened(*file, path) : -ENOENT;
  }
  int describe(std::size_t file, mango::file_status& out) const {
    out = {mango::file_kind::regular, on.files[file].now().size(), 1, file, 0};
    for (const auto& [name, number] : on.now()) out.links += number == file;
    return 0;
  }
  const std::string& name_of(int file) const { return open_.at(file)->name; }
  simulated_file& of(int file) const { return on.files[open_.at(file)->file]; }

  mutable std::map<int, std::shared_ptr<opening>> open_;
  mutable int next_ = 3, transfers_ = 0;
  mutable bool between_ = false;
};

}  // namespace io_test
