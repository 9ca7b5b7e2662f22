// io/file.hpp on a file system: what can be read and saved, and what cannot
#include "mango/io/file.hpp"

#include <sys/resource.h>

#include <csignal>

#include "io/saving.hpp"
#include "io/simulated_disk.hpp"
#include "optim/caught.hpp"

using namespace mango;
using namespace io_test;
using optim_test::caught;
using optim_test::check_error;

namespace {

void check_call(const error& e, errc code, const std::string& path, int number) {
  check_error(e, code, path);
  CHECK(e.got() == number);
  CHECK(optim_test::contains(e.what(), "(errno " + std::to_string(number) + ")"));
}

}  // namespace

TEST_CASE("io file: what was saved is what is read") {
  const temporary_folder folder;
  const auto open = open_files();
  for (const std::size_t size : {0u, 1u, 511u, 70000u}) {
    std::string text(size, ' ');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * i % 251);
    for (const durability how : {durability::none, durability::file, durability::full}) {
      save(folder / "a", text, {.how = how});
      CHECK((load(folder / "a") == text && names_in(folder) == name_set{"a"}));
    }
    const old_file file(folder / "a");
    CHECK((file.size() == size && file.name() == folder / "a"));
    std::byte middle[2] = {};
    if (size < 500) continue;
    file.read(300, middle);
    CHECK((middle[0] == static_cast<std::byte>(text[300]) && middle[1] == static_cast<std::byte>(text[301])));
  }
  CHECK(open_files() == open);
}

TEST_CASE("io file: a new file is seen when it is complete, or not at all") {
  const temporary_folder folder;
  save(folder / "a", "old");
  {
    new_file file(folder / "a");
    file.write(bytes_of("new"));
    CHECK((file.written() == 3 && load(folder / "a") == "old" && names_in(folder) == name_set{"a", temporary(0)}));
  }
  CHECK((load(folder / "a") == "old" && names_in(folder) == name_set{"a"}));
  new_file file(folder / "a");
  file.commit();
  CHECK((load(folder / "a") == "" && names_in(folder) == name_set{"a"}));
  check_error(caught([&] { file.write({}); }), errc::order, folder / "a");
  check_error(caught([&] { file.commit(); }), errc::order, folder / "a");
}

TEST_CASE("io file: the previous file is kept where that is wanted") {
  const temporary_folder folder;
  const save_options keep{.keep_previous = true};
  save(folder / "a", "1", keep);
  CHECK(names_in(folder) == name_set{"a"});
  for (const char* const text : {"2", "3", "4"}) {
    const std::string before = load(folder / "a");
    save(folder / "a", text, keep);
    CHECK((load(folder / "a") == text && load(folder / "a.prev") == before &&
           names_in(folder) == name_set{"a", "a.prev"}));
  }
  save(folder / "a", "5");
  CHECK((load(folder / "a") == "5" && load(folder / "a.prev") == "3"));
  // what a save leaves that came no further, and what a process of the same number may have left long ago
  std::filesystem::remove(folder / "a.prev");
  std::filesystem::create_hard_link(folder / "a", folder / "a.prev");
  std::filesystem::create_hard_link(folder / "a", folder / (temporary(0) + ".prev"));
  save(folder / "a", "6", keep);
  CHECK((load(folder / "a") == "6" && load(folder / "a.prev") == "5" && names_in(folder) == name_set{"a", "a.prev"}));
}

TEST_CASE("io file: what cannot be read") {
  const temporary_folder folder;
  const auto open = open_files();
  const auto refused = [](const std::string& path) { return caught([&] { old_file{path}; }); };
  check_call(refused(folder / "a"), errc::io_open, folder / "a", ENOENT);
  check_call(refused(folder / "a/b"), errc::io_open, folder / "a/b", ENOENT);
  check_call(refused(""), errc::io_open, "", ENOENT);
  check_error(refused(folder.path().string()), errc::not_regular_file, folder.path().string());
  check_error(refused("/dev/null"), errc::not_regular_file, "/dev/null");
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  check_error(refused(folder / "pipe"), errc::not_regular_file, folder / "pipe");  // and does not wait for a writer
  save(folder / "a", "text");
  std::filesystem::create_symlink("a", folder / "link");
  std::filesystem::create_symlink("nothing", folder / "lost");
  std::filesystem::create_symlink("circle", folder / "circle");
  CHECK(load(folder / "link") == "text");
  check_call(refused(folder / "lost"), errc::io_open, folder / "lost", ENOENT);
  check_call(refused(folder / "circle"), errc::io_open, folder / "circle", ELOOP);
  const error zero = refused(folder / std::string("a\0b", 3)), name = refused(folder / std::string(256, 'a'));
  CHECK((zero.code() == errc::io_open && optim_test::contains(zero.what(), "a\\x00b")));
  CHECK((name.code() == errc::io_open && name.got() == ENAMETOOLONG));
  CHECK(open_files() == open);
}

TEST_CASE("io file: a file that becomes shorter is an error") {
  const temporary_folder folder;
  save(folder / "a", "0123456789");
  const old_file file(folder / "a");
  std::filesystem::resize_file(folder / "a", 7);
  std::byte last[4];
  check_error(caught([&] { file.read(6, last); }), errc::io_read, folder / "a", 10, 7);
  CHECK(file.size() == 10);
}

TEST_CASE("io file: where nothing can be saved") {
  const temporary_folder folder;
  const auto open = open_files();
  const auto refused = [](const std::string& path) { return caught([&] { new_file{path}; }); };
  std::filesystem::create_directory(folder / "a");
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  for (const std::string& path :
       {folder / "a", folder / "a/", folder / "a/.", folder / "pipe", std::string("/dev/null")})
    check_error(refused(path), errc::not_regular_file, path);
  check_call(refused(folder / "b/c"), errc::io_open, folder / "b/c", ENOENT);
  check_call(refused(folder / "pipe/c"), errc::io_open, folder / "pipe/c", ENOTDIR);
  for (const std::string& path : {std::string(), folder / "b/", folder / std::string("a\0b", 3)})
    CHECK(refused(path).code() == errc::io_open);
  CHECK(refused(folder / std::string(256, 'a')).got() == ENAMETOOLONG);
  CHECK(refused("/proc/a").code() == errc::io_open);
  if (::geteuid() != 0) {  // whom nothing stops
    std::filesystem::permissions(folder / "a", std::filesystem::perms::owner_read);
    check_call(refused(folder / "a/b"), errc::io_open, folder / "a/b", EACCES);
  }
  CHECK((names_in(folder) == name_set{"a", "pipe"} && open_files() == open));
  const std::string longest(255, 'a');
  save(folder / longest, "text");
  CHECK((load(folder / longest) == "text" && names_in(folder) == name_set{"a", "pipe", longest}));
}

TEST_CASE("io file: a link is replaced, not followed") {
  const temporary_folder folder;
  save(folder / "a", "old");
  std::filesystem::create_symlink("a", folder / "link");
  save(folder / "link", "new", {.keep_previous = true});
  CHECK((load(folder / "a") == "old" && load(folder / "link") == "new" && load(folder / "link.prev") == "old"));
  CHECK_FALSE(std::filesystem::is_symlink(folder / "link"));
}

TEST_CASE("io file: a full disk, and less than was promised") {
  const temporary_folder folder;
  save(folder / "a", "old");
  const auto open = open_files();
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{1000, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  const std::string text(1001, 'x');
  new_file reserves(folder / "a"), writes(folder / "a");
  const error reserved = caught([&] { reserves.reserve(text.size()); });
  const error written = caught([&] { writes.write(bytes_of(text)); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  for (const error& e : {reserved, written}) check_call(e, errc::io_write, folder / "a", EFBIG);
  check_error(caught([&] { reserves.commit(); }), errc::order, folder / "a");
  new_file promised(folder / "a");
  promised.reserve(5);
  promised.write(bytes_of("1234"));
  check_error(caught([&] { promised.commit(); }), errc::size, folder / "a", 5, 4);
  CHECK((load(folder / "a") == "old" && names_in(folder) == name_set{"a"} && open_files() == open));
}

TEST_CASE("io file: a file that cannot be closed is not saved") {
  struct : file_calls {
    int close(int file) const override { return file_calls::close(file), -EIO; }
  } const calls;
  const temporary_folder folder;
  const error e = caught([&] { save(folder / "a", "new", {}, calls); });
  check_call(e, errc::io_write, folder / "a", EIO);
  CHECK((optim_test::contains(e.what(), "close") && names_in(folder).empty()));
}

TEST_CASE("io file: a signal stops no call that can be made again") {
  for (int k = 0, left = 1; left; ++k) {
    const io_test::simulated_disk d;
    d.plan = {.at = k, .error = EINTR};
    const bool reported = [&] {
      try {
        save("a", "text", {}, d);
      } catch (const error&) {
        return true;
      }
      return false;
    }();
    left = !d.failed.empty();
    for (const char* const again : {"open", "allocate", "write", "lock"}) {
      CAPTURE(d.failed);
      CHECK_FALSE((reported && d.failed.starts_with(again)));
    }
  }
}
