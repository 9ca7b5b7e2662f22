// Steps in another floating-point environment than the optimizer was made in are counted, or refused.
#include <doctest/doctest.h>

#include <cfenv>

#include "mango/optim/adamw.hpp"
#include "optim/caught.hpp"
#include "optim/snapshot.hpp"
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

using namespace optim_test;
using mango::errc, mango::floating_environment;

namespace {

struct model {
  std::vector<float> p = std::vector<float>(100, 1.0f), g = std::vector<float>(100, 0.5f);
  mango::adamw<> opt;
  mango::tensor_id id;
  explicit model(bool deterministic) : opt({.options = {.deterministic = deterministic}}) {
    id = opt.add("w", {.shape = {100}}, p, g);
  }
};

// a direction of rounding, for as long as it lives
struct rounding_up {
  rounding_up() { std::fesetround(FE_UPWARD); }
  ~rounding_up() { std::fesetround(FE_TONEAREST); }
};
#if defined(__SSE__)
struct flushing {
  unsigned before = _mm_getcsr(), bit;
  explicit flushing(unsigned b) : bit(b) { _mm_setcsr(before | bit); }
  ~flushing() { _mm_setcsr(before); }
};
#endif

void refused(model& m) {
  const snapshot before(m.opt);
  const auto p = m.p;
  const auto faults = m.opt.faults().other_environments;
  const auto check = [&](const mango::error& e) {
    CHECK(e.code() == errc::environment);
    CHECK(contains(e.what(), "and not subnormals kept, rounding nearest"));
  };
  check(caught([&] { m.opt.step(); }));
  check(caught([&] { (void)m.opt.begin_step(); }));
  CHECK((snapshot(m.opt) == before && m.p == p));
  CHECK(m.opt.faults().other_environments == faults + 2);
}

}  // namespace

TEST_CASE("optim environment: another one is refused when steps are to be the same bits") {
  model m(true);
  CHECK(m.opt.step().applied);
  {
    const rounding_up now;
    CHECK(!floating_environment::now().nearest);
    refused(m);
  }
#if defined(__SSE__)
  for (const unsigned bit : {0x8000u, 0x40u}) {  // results, operands
    const flushing now(bit);
    CHECK(floating_environment::now().flushed);
    refused(m);
  }
#endif
  CHECK(m.opt.step().applied);
}

TEST_CASE("optim environment: another one is counted otherwise") {
  model m(false);
  CHECK(m.opt.step().applied);
  CHECK(m.opt.faults().other_environments == 0);
  {
    const rounding_up now;
    CHECK(m.opt.step().applied);
    CHECK(m.opt.begin_step().update(m.id, m.p, m.g));
  }
  CHECK(m.opt.step().applied);
  CHECK(m.opt.faults().other_environments == 2);
}

TEST_CASE("optim environment: it is that of the constructor, whatever it was") {
  const rounding_up now;
  model m(true);
  CHECK(m.opt.step().applied);
  std::fesetround(FE_TONEAREST);
  CHECK_THROWS_AS(m.opt.step(), mango::error);
}
