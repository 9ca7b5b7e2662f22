// Prodigy over whole optimizers: what it looks at before a tensor is moved, some rows or a chunk at a time
#include "mango/optim/prodigy.hpp"

#include <doctest/doctest.h>

#include "mango/backend/threads.hpp"
#include "mango/store/dynamic8.hpp"
#include "mango/store/factored.hpp"
#include "optim/numbers.hpp"
#include "optim/snapshot.hpp"

using namespace optim_test;

namespace {

std::span<float> array_of(const mango::tensor_registry& opt, std::string_view part) {
  return floats_of(opt, "w", "prodigy", part);
}

// p0 is every so-many-th number of p as it was, s of g times one factor: each was seen once, and before it was moved
template <class Optimizer> void sees_everything(const mango::shape& s, std::int64_t slice) {
  CAPTURE(s.elements());
  CAPTURE(slice);
  mango::threads pool(3);
  mango::prodigy_config c;
  c.distance.slice = slice;
  Optimizer opt(c, mango::host{pool});
  auto p = uniform(s.elements(), 1);
  const auto g = uniform(s.elements(), 2), before = p;
  opt.add("w", {.shape = s}, p, g);
  opt.step();
  const auto p0 = array_of(opt, "p0"), seen = array_of(opt, "s");
  REQUIRE(p0.size() == (p.size() + static_cast<std::size_t>(slice) - 1) / static_cast<std::size_t>(slice));
  REQUIRE(seen.size() == p0.size());
  index_t wrong = 0, still = 0;
  const float factor = seen[0] / g[0];
  for (std::size_t j = 0; j < p0.size(); ++j) {
    const std::size_t i = j * static_cast<std::size_t>(slice);
    wrong += p0[j] != before[i] || !(std::abs(seen[j] - factor * g[i]) <= 1e-6f * std::abs(factor));
    still += p[i] == before[i];
  }
  CHECK(wrong == 0);
  CHECK(still <= static_cast<index_t>(p0.size() / 2));  // else nothing has been shown
}

template <class Optimizer> void sees_everything() {
  for (const mango::shape& s : {mango::shape{1}, mango::shape{8192}, mango::shape{65'537}, mango::shape{100, 300},
                                mango::shape{3, 20'011}, mango::shape{7001, 3}, mango::shape{509, 1021}})
    for (const std::int64_t slice : {1, 11, 5000}) sees_everything<Optimizer>(s, slice);
}

}  // namespace

TEST_CASE("optim prodigy: every so-many-th number is seen once, before it is moved, over any store") {
  using namespace mango;
  sees_everything<prodigy<>>();
  sees_everything<prodigy<stores<dynamic8<>, dynamic8<>>>>();
  sees_everything<prodigy<stores<factored<>, factored<>>>>();
  sees_everything<prodigy<stores<fp32, factored<>>>>();
}
