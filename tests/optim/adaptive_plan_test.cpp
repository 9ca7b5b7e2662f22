// what the adaptive family costs, as docs/optimizers.md says it: passes over the gradient, bits of state, bytes moved
#include <doctest/doctest.h>

#include "mango/optim/adamw.hpp"
#include "mango/optim/ademamix.hpp"
#include "mango/optim/adopt.hpp"
#include "mango/optim/prodigy.hpp"
#include "mango/optim/prodigy_lion.hpp"
#include "mango/optim/schedule_free.hpp"
#include "mango/optim/simplified_ademamix.hpp"
#include "mango/store/factored.hpp"

using namespace mango;

namespace {

using one = stores<fp32>;
using two = stores<fp32, fp32>;
using three = stores<fp32, fp32, fp32>;
using both = stores<factored<>, factored<>>;

// passes beside the one that clipping by the norm of all gradients takes when it is on
template <class Optimizer> constexpr int passes = Optimizer::plan::passes - 1;

// one, in which p and g are read once and every slot is read and written
static_assert(passes<adopt<>> == 1 && adopt<>::plan::bytes_moved() == 28);
static_assert(passes<prodigy<>> == 1 && prodigy<>::plan::bytes_moved() == 28);
static_assert(passes<simplified_ademamix<>> == 1 && simplified_ademamix<>::plan::bytes_moved() == 28);
static_assert(passes<ademamix<>> == 1 && ademamix<>::plan::bytes_moved() == 36);
static_assert(passes<prodigy_lion<>> == 1 && prodigy_lion<>::plan::bytes_moved() == 20);
static_assert(passes<schedule_free<>> == 1 && schedule_free<>::plan::bytes_moved() == 28);
static_assert(passes<adamw<one>> == 1 && adamw<one>::plan::bytes_moved() == 20);
static_assert(adopt<both>::plan::bytes_moved() == 12.25 && prodigy<both>::plan::bytes_moved() == 12.25);
static_assert(simplified_ademamix<both>::plan::bytes_moved() == 12.25);

// with everything switched on, OrthoGrad looks at p and g first, and cautious at p (for OrthoGrad), g and momentum
static_assert(passes<adamw<two, host, featured>> == 3 && passes<adamw<three, host, featured>> == 3);
static_assert(passes<adopt<two, host, featured>> == 3 && passes<prodigy<two, host, featured>> == 3);
static_assert(passes<lion<one, host, featured>> == 3 && passes<prodigy_lion<one, host, featured>> == 3);
static_assert(passes<simplified_ademamix<two, host, featured>> == 2);

// a rule by itself takes what it needs and no more
template <class... R> using rules = chain_t<R...>;
static_assert(plan<rules<average_updates, cautious, scale_by_second_moment>, two>::passes == 2);
static_assert(plan<rules<average_updates, grams, nesterov, scale_by_second_moment>, two>::passes == 1);
static_assert(plan<rules<orthograd, scale_by_lion>, one>::passes == 2);
static_assert(plan<rules<choose_b2, no_momentum, scale_by_second_moment>, one>::passes == 1);
static_assert(plan<rules<average_updates, add_slow_average, scale_by_second_moment, cautious_step>, three>::passes ==
              1);

}  // namespace

TEST_CASE("optim adaptive plan: bytes of a tensor are those of its slots, its slices and its doubles") {
  constexpr index_t n = 4096 * 1024, slices = (n + 10) / 11;
  const tensor_spec spec{.shape = {4096, 1024}};
  constexpr std::size_t factors = 4 * (2048 + 2048), signs = n / 8;  // cut as square as it goes
  CHECK(adopt<>::state_bytes(spec) == 8 * n);
  CHECK(adopt<both>::state_bytes(spec) == 2 * factors + signs);
  CHECK(adopt<stores<factored<>>>::state_bytes(spec) == factors);
  CHECK(adamw<stores<factored<>>>::state_bytes(spec) == factors);
  CHECK(ademamix<stores<factored<>, factored<>, factored<>>>::state_bytes(spec) == 3 * factors + 2 * signs);
  CHECK(prodigy<>::state_bytes(spec) == 8 * n + 8 * slices + 7 * 8);
  CHECK(prodigy<both>::state_bytes(spec) == 2 * factors + signs + 8 * slices + 7 * 8);
  CHECK(prodigy_lion<stores<factored<>>>::state_bytes(spec) == factors + signs + 8 * slices + 7 * 8);
  CHECK(simplified_ademamix<both>::state_bytes(spec) == 2 * factors + signs + 8);
  CHECK(schedule_free<>::state_bytes(spec) == 8 * n + 2 * 8);
  CHECK(lion<stores<factored<>>>::state_bytes(spec) == factors + signs);
}

TEST_CASE("optim adaptive plan: Prodigy's slices are those of its configuration") {
  for (const std::int64_t slice : {1, 3, 11, 100}) {
    prodigy<> opt{{.distance = {.slice = slice}}};
    opt.add("w", 1000);
    CHECK(opt.state_bytes() == static_cast<std::size_t>(8 * 1000 + 8 * ((1000 + slice - 1) / slice) + 56));
  }
}
