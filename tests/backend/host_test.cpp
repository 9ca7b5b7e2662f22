// backend/host.hpp: every piece of work exactly once, serially or on a loop of the caller's
#include "mango/backend/host.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

using namespace mango;

namespace {

// A trainer's own loops.
struct reversed {
  int calls = 0;
  void operator()(index_t n, const task& t) {
    ++calls;
    for (index_t i = n - 1; i >= 0; --i) t(i);
  }
};
void on_two_threads(index_t n, task t) {
  std::thread other([=] {
    for (index_t i = 1; i < n; i += 2) t(i);
  });
  for (index_t i = 0; i < n; i += 2) t(i);
  other.join();
}
struct constant_loop {
  std::vector<index_t>* seen;
  template <class F> void operator()(index_t n, const F& f) const {
    for (index_t i = 0; i < n; ++i) seen->push_back(i), f(i);
  }
};

std::vector<int> counts(const host& where, index_t n) {
  std::vector<std::atomic<int>> seen(static_cast<std::size_t>(n) + 1);
  where.run(n, [&](index_t i) { ++seen[static_cast<std::size_t>(i)]; });
  return {seen.begin(), seen.end()};
}
std::vector<int> once_each(index_t n) {
  std::vector<int> expected(static_cast<std::size_t>(n), 1);
  expected.push_back(0);
  return expected;
}

}  // namespace

static_assert(elementwise_backend<host> && memory_backend<host> && pass_backend<host> && !linalg_backend<host>);
static_assert(!elementwise_backend<int>);
static_assert(std::is_copy_constructible_v<host>);

TEST_CASE("backend host: serial is in order, on the calling thread") {
  std::vector<index_t> order;
  const auto self = std::this_thread::get_id();
  host{}.run(100, [&](index_t i) {
    if (std::this_thread::get_id() == self) order.push_back(i);
  });
  CHECK(order.size() == 100);
  CHECK((std::is_sorted(order.begin(), order.end()) && order.front() == 0 && order.back() == 99));
  host{}.run(0, [&](index_t) { order.clear(); });
  CHECK(order.size() == 100);
}

TEST_CASE("backend host: each piece once on a loop that runs backwards") {
  reversed loop;
  const host where(loop);
  for (const index_t n : {0, 1, 2, 3, 1000}) CHECK(counts(where, n) == once_each(n));
  CHECK(loop.calls == 3);  // one piece, or none, needs no loop
  std::vector<index_t> order;
  where.run(4, [&](index_t i) { order.push_back(i); });
  CHECK(order == std::vector<index_t>{3, 2, 1, 0});
}

TEST_CASE("backend host: each piece once on threads, from a pointer to a function") {
  void (*loop)(index_t, task) = on_two_threads;
  const host where(loop);
  for (int again = 0; again < 20; ++again) CHECK(counts(where, 257) == once_each(257));
}

TEST_CASE("backend host: the loop is the caller's own object, also in a copy of the backend") {
  std::vector<index_t> seen;
  const constant_loop loop{&seen};
  const host original(loop), copy = original;
  CHECK(counts(copy, 5) == once_each(5));
  CHECK(seen == std::vector<index_t>{0, 1, 2, 3, 4});
}

TEST_CASE("backend host: memory is zeroed and frees itself") {
  const buffer b = host{}.allocate(1000);
  CHECK(b.bytes() == 1000);
  CHECK(std::all_of(b.data(), b.data() + 1000, [](std::byte x) { return x == std::byte{0}; }));
}
