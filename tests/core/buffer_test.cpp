// core/buffer.hpp and core/list.hpp: memory that is owned, zeroed, moved and grown
#include "mango/core/buffer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <limits>

#include "mango/core/list.hpp"

using namespace mango;

namespace {

struct pair {
  std::int32_t a;
  std::int64_t b;
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
constexpr bool sanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool sanitized = false;
#endif

bool all_zero(const std::byte* x, std::size_t n) {
  return std::all_of(x, x + n, [](std::byte b) { return b == std::byte{0}; });
}

}  // namespace

static_assert(!std::is_copy_constructible_v<buffer> && !std::is_copy_assignable_v<buffer>);
static_assert(!std::is_copy_constructible_v<list<int>> && !std::is_copy_assignable_v<list<int>>);

TEST_CASE("core buffer: zeroed, and aligned to a cache line") {
  for (const std::size_t bytes : {1u, 63u, 64u, 65u, 4096u, 100003u}) {
    for (int again = 0; again < 3; ++again) {  // memory that comes back from the heap is not zero by itself
      buffer b(bytes);
      CHECK(b.bytes() == bytes);
      CHECK(reinterpret_cast<std::uintptr_t>(b.data()) % 64 == 0);
      CHECK(all_zero(b.data(), bytes));
      std::fill_n(b.data(), bytes, std::byte{0xee});
    }
  }
}

TEST_CASE("core buffer: no bytes are no memory") {
  CHECK((buffer().data() == nullptr && buffer().bytes() == 0));
  CHECK((buffer(0).data() == nullptr && buffer(0).bytes() == 0));
}

TEST_CASE("core buffer: moving hands over the memory") {
  buffer a(100);
  std::byte* const at = a.data();
  buffer b(std::move(a));
  CHECK((b.data() == at && b.bytes() == 100));
  CHECK((a.data() == nullptr && a.bytes() == 0));  // NOLINT(bugprone-use-after-move)
  buffer c(7);
  c = std::move(b);
  CHECK((c.data() == at && c.bytes() == 100));
  buffer& self = c;
  c = std::move(self);
  CHECK((c.data() == at && c.bytes() == 100));
}

TEST_CASE("core list: grows and keeps its elements") {
  list<pair> all;
  CHECK((all.empty() && all.begin() == all.end()));
  for (int i = 0; i < 1000; ++i) all.push_back({i, std::int64_t{i} << 33});
  CHECK((all.size() == 1000 && !all.empty()));
  int wrong = 0, i = 0;
  for (const pair& x : all) wrong += x.a != i || x.b != std::int64_t{i} << 33, ++i;
  CHECK((wrong == 0 && i == 1000));
  const auto& constant = all;
  CHECK((constant[999].a == 999 && constant.end() - constant.begin() == 1000));
}

TEST_CASE("core list: an element of itself can be appended while it grows") {
  list<pair> all;
  all.push_back({7, 8});
  for (int i = 0; i < 100; ++i) all.push_back(all[0]);
  CHECK(std::all_of(all.begin(), all.end(), [](const pair& x) { return x.a == 7 && x.b == 8; }));
}

TEST_CASE("core list: new elements are zero bytes, whatever was there before") {
  list<std::int64_t> all;
  all.resize(10);
  for (auto& x : all) CHECK(x == 0);
  for (auto& x : all) x = -1;
  all.resize(4);
  all.pop_back();
  CHECK(all.size() == 3);
  all.resize(10);
  CHECK((all[2] == -1 && all[3] == 0 && all[9] == 0));
  all.clear();
  CHECK(all.empty());
  all.resize(10);
  CHECK(std::all_of(all.begin(), all.end(), [](std::int64_t x) { return x == 0; }));
}

TEST_CASE("core list: reserving keeps elements where they are until it is used up") {
  list<int> all;
  all.push_back(5);
  all.reserve(64);
  const int* const at = all.begin();
  for (int i = 1; i < 64; ++i) all.push_back(i);
  CHECK((all.begin() == at && all[0] == 5 && all.size() == 64));
  all.reserve(3);
  CHECK((all.begin() == at && all.size() == 64));
}

TEST_CASE("core list: moving hands over the elements") {
  list<int> a;
  a.push_back(1);
  const int* const at = a.begin();
  list<int> b(std::move(a));
  CHECK((b.begin() == at && b.size() == 1));
  CHECK((a.empty() && a.begin() == nullptr));  // NOLINT(bugprone-use-after-move)
  a.push_back(9);
  a = std::move(b);
  CHECK((a.begin() == at && a.size() == 1 && a[0] == 1));
}

TEST_CASE("core list: after bad_alloc it is what it was") {
  if (sanitized) {
    MESSAGE("SKIPPED: a sanitizer's allocator ends the program instead");
    return;
  }
  list<std::int64_t> all;
  volatile std::size_t most = std::numeric_limits<std::size_t>::max();
  CHECK_THROWS_AS(all.reserve(most / 16), std::bad_alloc);
  all.reserve(4);
  REQUIRE(all.begin() != nullptr);  // not: it believes to have room already
  all.push_back(3);
  CHECK(all[0] == 3);
}

TEST_CASE("core list: a size in bytes that no number can hold is bad_alloc") {
  if (sanitized) {
    MESSAGE("SKIPPED: a sanitizer's allocator ends the program instead");
    return;
  }
  list<std::int64_t> all;
  volatile std::size_t most = std::numeric_limits<std::size_t>::max();
  CHECK_THROWS_AS(all.reserve(most / 8 + 2), std::bad_alloc);
}
