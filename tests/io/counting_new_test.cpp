// operator new for the whole program of tests, counted; and that it counts right
#include <doctest/doctest.h>

#include <vector>

#include "io/counting_new.hpp"
#include "support/sanitizers.hpp"

#if defined(MANGO_THREAD_SANITIZER)
// clang's runtime defines operator new itself, and a program may not have two
io_test::peak_scope::peak_scope() : before_(0) {}
std::size_t io_test::peak_scope::bytes() const { return static_cast<std::size_t>(before_); }
bool io_test::allocations_can_fail() { return false; }
io_test::failing_scope::failing_scope(long) {}
io_test::failing_scope::~failing_scope() = default;
bool io_test::failing_scope::happened() const { return false; }
#else

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace {

std::atomic<long long> alive{0}, most{0};
std::atomic<long> until_failure{0};  // 0: none

void count(long long bytes) {
  const long long now = alive.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  long long seen = most.load(std::memory_order_relaxed);
  while (now > seen && !most.compare_exchange_weak(seen, now, std::memory_order_relaxed)) {}
}

// The size stands before what is given out, in as many bytes as keep that aligned. Both call malloc and free where no
// caller sees it, or g++ takes the pairs for mismatched.
__attribute__((noinline)) void* allocated(std::size_t bytes, std::size_t alignment) noexcept {
  const std::size_t room = (bytes + 2 * alignment - 1) / alignment * alignment;
  auto* const block = room > bytes ? static_cast<char*>(std::aligned_alloc(alignment, room)) : nullptr;
  if (!block) return nullptr;
  std::memcpy(block, &bytes, sizeof bytes);
  count(static_cast<long long>(bytes));
  return block + alignment;
}
void* counted(std::size_t bytes, std::size_t alignment) {
  if (until_failure.load(std::memory_order_relaxed) > 0 && until_failure.fetch_sub(1) == 1) throw std::bad_alloc();
  if (void* const p = allocated(bytes, alignment)) return p;
  throw std::bad_alloc();
}
__attribute__((noinline)) void released(void* p, std::size_t alignment) noexcept {
  if (!p) return;
  void* const block = static_cast<char*>(p) - alignment;
  std::size_t bytes;
  std::memcpy(&bytes, block, sizeof bytes);
  count(-static_cast<long long>(bytes));
  std::free(block);
}
constexpr std::size_t ordinary = alignof(std::max_align_t);
std::size_t number(std::align_val_t a) { return static_cast<std::size_t>(a); }

}  // namespace

// All forms: a sanitizer's own would not end up in ours.
void* operator new(std::size_t bytes) { return counted(bytes, ordinary); }
void* operator new[](std::size_t bytes) { return counted(bytes, ordinary); }
void* operator new(std::size_t bytes, std::align_val_t a) { return counted(bytes, number(a)); }
void* operator new[](std::size_t bytes, std::align_val_t a) { return counted(bytes, number(a)); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return allocated(bytes, ordinary); }
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return allocated(bytes, ordinary); }
void operator delete(void* p) noexcept { released(p, ordinary); }
void operator delete[](void* p) noexcept { released(p, ordinary); }
void operator delete(void* p, std::size_t) noexcept { released(p, ordinary); }
void operator delete[](void* p, std::size_t) noexcept { released(p, ordinary); }
void operator delete(void* p, std::align_val_t a) noexcept { released(p, number(a)); }
void operator delete[](void* p, std::align_val_t a) noexcept { released(p, number(a)); }
void operator delete(void* p, std::size_t, std::align_val_t a) noexcept { released(p, number(a)); }
void operator delete[](void* p, std::size_t, std::align_val_t a) noexcept { released(p, number(a)); }
void operator delete(void* p, const std::nothrow_t&) noexcept { released(p, ordinary); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { released(p, ordinary); }

bool io_test::allocations_can_fail() { return true; }
io_test::failing_scope::failing_scope(long nth) { until_failure.store(nth); }
io_test::failing_scope::~failing_scope() { until_failure.store(0); }
bool io_test::failing_scope::happened() const { return until_failure.load() <= 0; }
io_test::peak_scope::peak_scope() : before_(alive.load()) { most.store(before_); }
std::size_t io_test::peak_scope::bytes() const { return static_cast<std::size_t>(most.load() - before_); }

TEST_CASE("io counting: what is alive at once counts, and not what is gone") {
  const io_test::peak_scope peak;
  CHECK(peak.bytes() == 0);
  { const std::vector<char> a(1000), b(500); }
  CHECK(peak.bytes() == 1500);
  { const std::vector<char> a(1400); }
  CHECK(peak.bytes() == 1500);
  struct alignas(64) wide {
    char bytes[64];
  };
  const std::vector<wide> c(50);
  CHECK(reinterpret_cast<std::uintptr_t>(c.data()) % 64 == 0);
  CHECK(peak.bytes() == 3200);
  delete[] new (std::nothrow) char[10'000];
  CHECK(peak.bytes() == 13'200);
}

#endif
