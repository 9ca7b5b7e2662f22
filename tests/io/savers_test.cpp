// io/file.hpp with others about: savers that were killed, savers of the same path, and readers
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <optional>
#include <thread>
#include <utility>

#include "io/saving.hpp"

using namespace mango;
using namespace io_test;

namespace {

// The system's calls, with something done after one of them, or instead, once.
struct changed_calls : file_calls {
  mutable std::function<void()> opened_to_lock;
  mutable std::function<int()> lock_instead;

  int open_to_lock(const char* path) const override {
    const int file = file_calls::open_to_lock(path);
    if (const auto after = std::exchange(opened_to_lock, nullptr)) after();
    return file;
  }
  int lock(int file) const override {
    const auto instead = std::exchange(lock_instead, nullptr);
    return instead ? instead() : file_calls::lock(file);
  }
};

}  // namespace

TEST_CASE("io file: a save removes what savers that are gone have left, and nothing else") {
  const temporary_folder folder;
  const name_set kept{".a.tmp.1",    ".a.tmp.1.x", ".a.tmp.1.0.0", ".b.tmp.1.0",   ".a.tmp.-1.0",
                      ".a.tmp.1.2x", "a.tmp.1.0",  ".aa.tmp.1.0",  ".a.tmp.1.00.", ".a.tmp..0"};
  for (const auto& name : kept) std::ofstream(folder / name) << "x";
  for (const std::string name : {".a.tmp.1.0", ".a.tmp.1.0.prev", ".a.tmp.99999999.17"})
    std::ofstream(folder / name) << "x";
  REQUIRE(::mkfifo((folder / ".a.tmp.2.0").c_str(), 0600) == 0);
  std::filesystem::create_symlink("a", folder / ".a.tmp.3.0");
  std::filesystem::create_directory(folder / temporary(0));
  save(folder / "a", "new");
  name_set all = kept;
  all.insert({"a", ".a.tmp.2.0", ".a.tmp.3.0", temporary(0)});
  CHECK((names_in(folder) == all && load(folder / "a") == "new"));
}

TEST_CASE("io file: a saver that lives keeps its file, whoever saves meanwhile, and one that is killed does not") {
  const temporary_folder folder;
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    new_file file(folder / "a");
    file.write(bytes_of("half"));
    if (::write(ready[1], "x", 1) == 1) ::pause();
    ::_exit(1);
  }
  char x;
  REQUIRE(::read(ready[0], &x, 1) == 1);
  const std::string theirs = ".a.tmp." + std::to_string(child) + ".0";
  new_file mine(folder / "a"), second(folder / "a");
  CHECK(names_in(folder) == name_set{theirs, temporary(0), temporary(1)});
  save(folder / "a", "new");
  CHECK(names_in(folder) == name_set{"a", theirs, temporary(0), temporary(1)});
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  mine.write(bytes_of("mine"));
  mine.commit();
  CHECK((names_in(folder) == name_set{"a", theirs, temporary(1)} && load(folder / "a") == "mine"));
  save(folder / "a", "last");
  CHECK((names_in(folder) == name_set{"a", temporary(1)} && load(folder / "a") == "last"));
  second.commit();
  CHECK((names_in(folder) == name_set{"a"} && load(folder / "a") == ""));
  for (const int end : ready) ::close(end);
}

TEST_CASE("io file: who looks for old files does not remove a new one that has got their name") {
  const temporary_folder folder;
  std::optional<new_file> first(folder / "a"), next;
  changed_calls calls;
  calls.opened_to_lock = [&] {
    first->commit();
    next.emplace(folder / "a");
  };
  save(folder / "a", "meanwhile", {}, calls);
  CHECK(names_in(folder) == name_set{"a", temporary(0)});
  next->write(bytes_of("next"));
  CHECK_NOTHROW(next->commit());
  CHECK((load(folder / "a") == "next" && names_in(folder) == name_set{"a"}));
}

TEST_CASE("io file: a saver whose file is about to be removed takes another") {
  const temporary_folder folder;
  changed_calls calls;
  calls.lock_instead = [] { return -EWOULDBLOCK; };
  new_file file(folder / "a", {}, calls);
  std::filesystem::remove(folder / temporary(0));
  CHECK_NOTHROW(file.commit());
  calls.lock_instead = [&] {
    std::filesystem::remove(folder / temporary(0));
    return 0;
  };
  CHECK_NOTHROW(save(folder / "a", "new", {}, calls));
  CHECK((load(folder / "a") == "new" && names_in(folder) == name_set{"a"}));
  calls.lock_instead = [] { return -ENOLCK; };  // a file system without locks
  CHECK_NOTHROW(save(folder / "a", "newer", {}, calls));
  CHECK((load(folder / "a") == "newer" && names_in(folder) == name_set{"a"}));
}

TEST_CASE("io file: savers and readers of one path at once") {
  const temporary_folder folder;
  const auto text = [](int saver, int n) { return std::string(static_cast<std::size_t>(1000 + n), char('a' + saver)); };
  const auto whole = [](const std::string& s) { return s.size() >= 1000 && s == std::string(s.size(), s[0]); };
  save(folder / "a", text(0, 0));
  std::atomic<int> saving = 2, failed = 0, torn = 0, read = 0;
  std::vector<std::thread> threads;
  for (const int saver : {1, 2})
    threads.emplace_back([&, saver] {
      for (int n = 1; n <= 100; ++n) try {
          save(folder / "a", text(saver, n), {.keep_previous = n % 2 == 0, .how = durability::file});
        } catch (const error&) {
          ++failed;
        }
      --saving;
    });
  threads.emplace_back([&] {
    do try {
        ++read;
        if (!whole(load(folder / "a"))) ++torn;
      } catch (const error&) {
        ++failed;
      }
    while (saving);
  });
  for (auto& t : threads) t.join();
  CHECK((failed == 0 && torn == 0));
  CHECK(read > 0);
  CHECK(names_in(folder) == name_set{"a", "a.prev"});
  CHECK((load(folder / "a").size() == 1100 && whole(load(folder / "a.prev"))));
}
