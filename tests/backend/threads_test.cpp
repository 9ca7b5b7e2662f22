// backend/threads.hpp: the pool, from one thread and from several. Run it under ThreadSanitizer too.
#include "mango/backend/threads.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <optional>
#include <set>
#include <stdexcept>
#include <vector>

#include "mango/pass/tally.hpp"
#include "support/random.hpp"

using namespace mango;

namespace {

// Runs n pieces that are no atomics: one that runs twice, or is still running afterwards, is a race and a wrong count.
bool once_each(threads& pool, index_t n) {
  std::vector<int> seen(static_cast<std::size_t>(n));
  pool(n, [&](index_t i) { ++seen[static_cast<std::size_t>(i)]; });
  for (const int count : seen)
    if (count != 1) return false;
  return true;
}

}  // namespace

TEST_CASE("backend threads: pools of one to four run each piece once") {
  for (int size = 1; size <= 4; ++size) {
    threads pool(size);
    CHECK(pool.size() == size);
    for (const index_t n : {0, 1, 2, 3, 4, 5, 64, 10000}) CHECK(once_each(pool, n));
  }
}

TEST_CASE("backend threads: many small runs, one right after the other") {
  threads pool(3);
  int wrong = 0;
  for (int again = 0; again < 2000; ++again) wrong += !once_each(pool, again % 7);
  CHECK(wrong == 0);
}

TEST_CASE("backend threads: as many as the machine has") {
  threads pool, negative(-1);
  const unsigned hardware = std::thread::hardware_concurrency();
  CHECK(pool.size() == static_cast<int>(hardware ? hardware : 1));
  CHECK(negative.size() == pool.size());
  CHECK(once_each(pool, 100));
}

TEST_CASE("backend threads: made and ended at once, used or not") {
  for (int again = 0; again < 50; ++again) {
    threads unused(4);
    threads used(2);
    CHECK(once_each(used, 3));
  }
}

TEST_CASE("backend threads: the caller works too, and others do when it is busy") {
  threads pool(2);
  std::atomic<int> arrived{0};
  std::mutex guard;
  std::set<std::thread::id> ids;
  pool(2, [&](index_t) {  // each of two pieces waits for the other: one thread alone would never end
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
    const std::lock_guard lock(guard);
    ids.insert(std::this_thread::get_id());
  });
  CHECK(ids.size() == 2);
  CHECK(ids.count(std::this_thread::get_id()) == 1);
}

TEST_CASE("backend threads: returns when the last piece has ended, not when it has begun") {
  threads pool(2);
  for (int again = 0; again < 5; ++again) {
    std::atomic<int> arrived{0}, ended{0};
    const auto caller = std::this_thread::get_id();
    pool(2, [&](index_t) {
      ++arrived;
      while (arrived < 2) std::this_thread::yield();
      if (std::this_thread::get_id() != caller) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      ++ended;
    });
    CHECK(ended == 2);
  }
}

TEST_CASE("backend threads: several threads take turns") {
  threads pool(3);
  std::atomic<int> wrong{0}, inside{0};
  const auto work = [&] {
    for (int again = 0; again < 200; ++again) {
      wrong += !once_each(pool, 17);
      std::atomic<int> mine{0};
      pool(5, [&](index_t) { ++mine, ++inside; });
      wrong += mine != 5;
    }
  };
  std::thread other(work), third(work);
  work();
  other.join();
  third.join();
  CHECK(wrong == 0);
  CHECK(inside == 3 * 200 * 5);
}

TEST_CASE("backend threads: as a backend's loop, results do not depend on their number") {
  const std::vector<float> g = support::normals(5 * 4096 + 11, 1);
  const auto n = static_cast<index_t>(g.size()), pieces = (n + 4095) / 4096;
  const auto norm = [&](const host& where) {
    std::vector<double> sums(static_cast<std::size_t>(pieces));
    where.run(pieces, [&](index_t i) {
      sums[static_cast<std::size_t>(i)] = squared_norm(g.data(), i * 4096, i + 1 == pieces ? n : (i + 1) * 4096);
    });
    double total = 0;
    for (const double s : sums) total += s;
    return total;
  };
  const double serial = norm(host{});
  for (int size = 1; size <= 4; ++size) {
    threads pool(size);
    CHECK(norm(host{pool}) == serial);
  }
}

TEST_CASE("backend threads: the first exception of a run comes out of it, and the pool goes on") {
  threads pool(3);
  for (int again = 0; again < 50; ++again) {
    std::atomic<int> inside{0};
    std::optional<int> thrown;
    try {
      pool(1000, [&](index_t i) {
        ++inside;
        if (i % 3 == 1) {
          --inside;
          throw static_cast<int>(i);
        }
        --inside;
      });
    } catch (const int i) {
      thrown = i;
      CHECK(inside == 0);  // nobody is still at work
    }
    CHECK((thrown && *thrown % 3 == 1));
    CHECK(once_each(pool, 100));
  }
}

TEST_CASE("backend threads: what throws on another thread than the caller's is caught there") {
  threads pool(2);
  const auto caller = std::this_thread::get_id();
  std::atomic<int> arrived{0};
  CHECK_THROWS_AS(pool(2,
                       [&](index_t) {
                         ++arrived;
                         while (arrived < 2) std::this_thread::yield();
                         if (std::this_thread::get_id() != caller) throw std::runtime_error("there");
                       }),
                  std::runtime_error);
}

TEST_CASE("backend threads: after an exception what has not begun is left out") {
  threads alone(1), pool(2);
  for (threads* const each : {&alone, &pool}) {
    std::atomic<int> begun{0};
    CHECK_THROWS_AS((*each)(1'000'000, [&](index_t) { throw ++begun; }), int);
    CHECK(begun <= each->size());
  }
}
