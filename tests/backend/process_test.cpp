// backend/process.hpp: what a child of fork() makes of threads and of state in files
#include "mango/backend/process.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "backend/paging.hpp"
#include "mango/backend/threads.hpp"
#include "optim/caught.hpp"
#include "optim/snapshot.hpp"
#include "support/child.hpp"

using namespace mango;
using backend_test::paged_adamw;
using backend_test::problem;
using backend_test::scratch_folder;

namespace {

bool once_each(threads& pool, index_t n) {
  std::vector<int> seen(static_cast<std::size_t>(n));
  pool(n, [&](index_t i) { ++seen[static_cast<std::size_t>(i)]; });
  return seen == std::vector<int>(seen.size(), 1);
}

}  // namespace

TEST_CASE("backend process: in a child of fork() a pool is the calling thread, and ends") {
  auto* const pool = new threads(3);
  CHECK(once_each(*pool, 10));
  CHECK(support::in_child([&] {
    const bool right = pool->size() == 1 && once_each(*pool, 1000);
    delete pool;  // its threads are not here to be waited for
    threads own(2);
    return right && own.size() == 2 && once_each(own, 1000);
  }));
  CHECK((pool->size() == 3 && once_each(*pool, 1000)));
  delete pool;
}

TEST_CASE("backend process: fork() while the pool is at work") {
  threads pool(3);
  std::atomic<bool> stop{false};
  std::thread busy([&] {
    while (!stop) once_each(pool, 50);
  });
  int wrong = 0;
  for (int again = 0; again < 50; ++again) wrong += !support::in_child([&] { return once_each(pool, 100); });
  stop = true;
  busy.join();
  CHECK(wrong == 0);
}

TEST_CASE("backend process: a child of fork() shares the files, so it may read and not step") {
  const scratch_folder folder;
  problem w(100'000);
  paged_adamw opt({}, paged(folder.string()));
  opt.add("w", {.shape = {100'000}}, w.p, w.g);
  opt.step();
  const optim_test::snapshot before(opt);
  const auto parameter = w.p;
  CHECK(support::in_child([&] {
    bool right = optim_test::snapshot(opt) == before;
    const auto refused = [&](auto call) {
      const auto e = optim_test::caught(call);
      return e.code() == errc::concurrency && e.subject() == folder.string();
    };
    right = right && refused([&] { opt.step(); });
    right = right && refused([&] { opt.begin_step().update(opt.find("w"), w.p, w.g); });
    right = right && refused([&] { opt.add("c", {.shape = {100'000}}); });
    return right && w.p == parameter;
  }));
  CHECK(optim_test::snapshot(opt) == before);
  opt.step();
  CHECK(support::in_child([&] {  // its own is its own
    paged_adamw own({}, paged(folder.string()));
    own.add("w", {.shape = {100'000}}, w.p, w.g);
    return own.step().applied;
  }));
}
