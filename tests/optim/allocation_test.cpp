// a step allocates nothing: every call of operator new in the program is counted while steps are taken
#include <doctest/doctest.h>

#include "support/sanitizers.hpp"

#if defined(MANGO_THREAD_SANITIZER)
// clang's runtime defines operator new itself, and a program may not have two
TEST_CASE("optim allocation: not counted under the thread sanitizer" * doctest::skip()) {}
#else

#include <atomic>
#include <cstdlib>
#include <new>

#include "mango/backend/threads.hpp"
#include "mango/optim/adamw.hpp"
#include "optim/model.hpp"

namespace {

std::atomic<long> allocations{0};

// the replacements below call malloc and free where no caller sees it, or g++ takes the pairs for mismatched
__attribute__((noinline)) void* counted(std::size_t bytes, std::size_t alignment) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  const std::size_t room = (bytes + alignment - 1) / alignment * alignment;
  if (void* p = std::aligned_alloc(alignment, room ? room : alignment)) return p;
  throw std::bad_alloc();
}
__attribute__((noinline)) void released(void* p) noexcept { std::free(p); }

}  // namespace

void* operator new(std::size_t bytes) { return counted(bytes, alignof(std::max_align_t)); }
void* operator new(std::size_t bytes, std::align_val_t a) { return counted(bytes, static_cast<std::size_t>(a)); }
void operator delete(void* p) noexcept { released(p); }
void operator delete(void* p, std::size_t) noexcept { released(p); }
void operator delete(void* p, std::align_val_t) noexcept { released(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { released(p); }

using namespace optim_test;

namespace {

const std::vector<index_t> sizes = {5, 200'003, 0, 128, 65'536};

// how often operator new was called meanwhile, by any thread
template <class Call> long counted_in(Call&& call) {
  const long before = allocations.load();
  call();
  return allocations.load() - before;
}

mango::adamw_config config_of(double max_norm, bool accumulate) {
  return {.max_norm = max_norm, .options = {.on_nonfinite = mango::nonfinite::skip, .accumulate = accumulate}};
}

}  // namespace

TEST_CASE("optim allocation: the counter counts") {
  mango::adamw opt{{}};
  CHECK(counted_in([&] { opt.add("w", 1000); }) > 0);
  CHECK(counted_in([] { mango::buffer b(64); }) == 1);
}

TEST_CASE(
    "optim allocation: batched steps allocate nothing, from the first on, also with threads, clipping and skips") {
  for (const int count : {1, 3})
    for (const double max_norm : {0.0, 1.0})
      for (const bool accumulate : {false, true}) {
        mango::threads pool{count};
        model<float> t(sizes);
        mango::adamw opt{config_of(max_norm, accumulate), mango::host{pool}};
        t.register_in(opt, true);
        CHECK(counted_in([&] {
                for (int k = 0; k < 3; ++k) opt.step();
                if (accumulate) opt.accumulate(t.ids[1], t.g[1]);
                opt.step();
                t.g[0][0] = std::bit_cast<float>(0x7f800000u);
                opt.step();
              }) == 0);
        CHECK(opt.counters().skipped_steps == 1);
        CHECK(opt.counters().steps == 4);
      }
}

TEST_CASE("optim allocation: fused, measured and accumulated steps allocate nothing, also with threads") {
  for (const int count : {1, 3})
    for (const double max_norm : {0.0, 1.0})
      for (const bool accumulate : {false, true}) {
        mango::threads pool{count};
        model<float> t({5, 200'003, 128});
        std::vector<float> delta(128);
        mango::adamw opt{config_of(max_norm, accumulate), mango::host{pool}};
        t.register_in(opt, false);
        CHECK(counted_in([&] {
                for (int k = 0; k < 3; ++k) {
                  if (accumulate)
                    for (std::size_t i = 0; i < t.size(); ++i) opt.accumulate(t.ids[i], t.g[i]);
                  const auto step = opt.begin_step();
                  if (max_norm > 0)
                    for (std::size_t i = 0; i < t.size(); ++i) step.measure(t.ids[i], t.g[i]);
                  for (std::size_t i = 0; i < 2; ++i) {
                    if (accumulate) step.update(t.ids[i], t.p[i]);
                    else step.update(t.ids[i], t.p[i], t.g[i]);
                  }
                  if (!accumulate) step.update_into(t.ids[2], t.p[2], t.g[2], delta);
                }
              }) == 0);
        CHECK(opt.counters().steps == 3);
      }
}

TEST_CASE("optim allocation: binding again and steps in bfloat16 allocate nothing") {
  model<bfloat16> t(sizes);
  mango::adamw<mango::stores<mango::bf16, mango::bf16>> opt{{}};
  t.register_in(opt, true);
  CHECK(counted_in([&] {
          for (int k = 0; k < 2; ++k) opt.step();
          for (std::size_t i = 0; i < t.size(); ++i) opt.bind(t.ids[i], t.p[i], t.g[i]);
          opt.step();
        }) == 0);
}

#endif
