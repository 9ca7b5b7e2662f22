// backend/paged.hpp: which memory is a file, that none is left behind, and what happens when there can be none
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <optional>

#include "backend/paging.hpp"
#include "mango/store/bf16.hpp"
#include "optim/caught.hpp"
#include "optim/snapshot.hpp"

using namespace mango;
using backend_test::mappings;
using backend_test::mib;
using backend_test::paged_adamw;
using backend_test::problem;
using backend_test::scratch_folder;
using optim_test::caught;

TEST_CASE("backend paged: little state, and scratch, are ordinary memory") {
  const scratch_folder folder;
  const paged where(folder.string(), {.small_bytes = 8000});
  CHECK(where.allocate(0).data() == nullptr);
  CHECK((where.allocate(8000).context() == nullptr && where.allocate_scratch(mib).context() == nullptr));
  const int before = mappings().count;
  const buffer b = where.allocate(8001);
  CHECK((b.context() != nullptr && b.bytes() == 8001 && mappings().count == before + 1));
  CHECK(std::all_of(b.data(), b.data() + 8001, [](std::byte x) { return x == std::byte{0}; }));
  CHECK(reinterpret_cast<std::uintptr_t>(b.data()) % buffer::alignment == 0);
}

TEST_CASE("backend paged: the folder holds nothing, and nothing stays open or mapped") {
  const scratch_folder folder;
  const std::size_t open = backend_test::open_files();
  {
    std::optional<paged> where(folder.string());
    adamw<stores<bf16, bf16>, paged> opt{{}, *where};
    for (int i = 0; i < 10; ++i) opt.add(std::to_string(i), 100000);
    CHECK((folder.empty() && mappings().count == 10));
    opt.remove_last();
    CHECK((mappings().count == 9 && where->mapped_bytes() == 9 * 400000));
    where.reset();  // the optimizer and its state have what they need
    std::vector<float> p(100000), g(100000, 1.0f);
    CHECK(opt.begin_step().update(opt.find("8"), p, g));
    CHECK(p[99999] < 0);
  }
  CHECK((folder.empty() && mappings().count == 0));
  CHECK(backend_test::open_files() == open);
}

TEST_CASE("backend paged: refused views leave no file") {
  const scratch_folder folder;
  const paged where(folder.string());
  paged_adamw opt{{}, where};
  std::vector<float> p(100000), g(99999);
  optim_test::check_error(caught([&] { opt.add("w", {.shape = {100000}}, p, g); }), errc::size, "w", 100000, 99999);
  CHECK((where.mapped_bytes() == 0 && opt.size() == 0));
}

TEST_CASE("backend paged: a moved optimizer goes on with its state") {
  const scratch_folder folder;
  problem a(200000), b(200000);
  adamw<> expected;
  const auto id = expected.add("w", 200000);
  paged_adamw first{{}, paged(folder.string(), {.resident_bytes = mib / 2})};
  first.add("w", 200000);
  const auto step = [&](auto& opt, problem& x) { CHECK(opt.begin_step().update(id, x.p, x.g)); };
  for (int k = 0; k < 3; ++k) step(expected, a);
  step(first, b);
  paged_adamw second(std::move(first));
  step(second, b);
  paged_adamw third{{}, paged("/nowhere")};
  third = std::move(second);
  step(third, b);
  CHECK(optim_test::same_bits(a.p, b.p));
  CHECK(optim_test::snapshot(third) == optim_test::snapshot(expected));
  CHECK(optim_test::same_bits(optim_test::floats_of(third, "w", "v"), optim_test::floats_of(expected, "w", "v")));
}

TEST_CASE("backend paged: state that the trainer bound is left alone") {
  const scratch_folder folder;
  problem a(200000), b(200000);
  adamw<> expected;
  const auto id = expected.add("w", 200000);
  const paged where(folder.string(), {.resident_bytes = 0});
  paged_adamw opt{{}, where};
  std::vector<float> mine(400000);
  opt.add("w", {.shape = {200000}, .state = std::as_writable_bytes(std::span(mine))});
  CHECK(where.mapped_bytes() == 0);
  for (int k = 0; k < 2; ++k) {
    CHECK(expected.begin_step().update(id, a.p, a.g));
    CHECK(opt.begin_step().update(id, b.p, b.g));
  }
  CHECK(optim_test::same_bits(a.p, b.p));
}

TEST_CASE("backend paged: a folder that is not there is an error at add(), with both numbers") {
  const scratch_folder folder;
  const std::string missing = folder.string() + "/missing";
  paged_adamw opt{{}, paged(missing)};
  optim_test::check_error(caught([&] { opt.add("w", 100000); }), errc::memory, missing, 800000, 0);
  CHECK(opt.size() == 0);
  opt.add("small", 1000);  // that needs no file
  std::filesystem::create_directory(missing);
  opt.add("w", 100000);
  CHECK(opt.size() == 2);
}

TEST_CASE("backend paged: a folder that may not be written to is an error at add()") {
  const scratch_folder folder;
  ::chmod(folder.string().c_str(), 0555);
  const bool root = ::geteuid() == 0;
  REQUIRE((!root || ::seteuid(65534) == 0));  // nothing is forbidden to root
  const auto e = caught([&] { paged_adamw({}, paged(folder.string())).add("w", 100000); });
  REQUIRE((!root || ::seteuid(0) == 0));
  ::chmod(folder.string().c_str(), 0755);
  optim_test::check_error(e, errc::memory, folder.string());
  CHECK(e.expected() == 800000);
  CHECK(optim_test::contains(e.what(), "ermission"));
}

TEST_CASE("backend paged: too little room is an error at add(), and nothing is left of the file") {
  const scratch_folder folder;
  const paged where(folder.string());
  paged_adamw opt{{}, where};
  opt.add("first", 50000);
  const std::size_t open = backend_test::open_files();
  rlimit old{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  const rlimit tiny{500000, old.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &tiny);
  const auto e = caught([&] { opt.add("second", 100000); });
  ::setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  optim_test::check_error(e, errc::memory, folder.string(), 800000, 500000);
  CHECK((opt.size() == 1 && where.mapped_bytes() == 400000 && mappings().count == 1));
  CHECK((folder.empty() && backend_test::open_files() == open));
  opt.add("second", 100000);
  CHECK(opt.size() == 2);
}
