// core/floating_environment.hpp: what the processor is told is what is seen, of one thread
#include "mango/core/floating_environment.hpp"

#include <doctest/doctest.h>

#include <string_view>
#include <thread>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

using mango::floating_environment;

TEST_CASE("core floating environment: as it is, and in words") {
  CHECK(floating_environment::now() == floating_environment{});
  CHECK(std::string_view(floating_environment{}.describe()) == "subnormals kept, rounding nearest");
  CHECK(std::string_view(floating_environment{true, true}.describe()) == "subnormals flushed, rounding nearest");
  CHECK(std::string_view(floating_environment{false, false}.describe()) == "subnormals kept, rounding directed");
  CHECK(std::string_view(floating_environment{true, false}.describe()) == "subnormals flushed, rounding directed");
}

TEST_CASE("core floating environment: every direction is seen, and inherited by a new thread") {
  for (const int direction : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
    std::fesetround(direction);
    const auto here = floating_environment::now();
    floating_environment there;
    std::thread([&] { there = floating_environment::now(); }).join();
    std::fesetround(FE_TONEAREST);
    CHECK(here == floating_environment{false, false});
    CHECK(there == here);
  }
  CHECK(floating_environment::now() == floating_environment{});
}

#if defined(__SSE__)
TEST_CASE("core floating environment: flushed results and flushed operands are seen") {
  const unsigned before = _mm_getcsr();
  for (const unsigned bit : {0x8000u, 0x40u}) {
    _mm_setcsr(before | bit);
    const auto flushed = floating_environment::now();
    _mm_setcsr(before);
    CHECK(flushed == floating_environment{true, true});
  }
}
#endif
