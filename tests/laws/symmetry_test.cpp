// what no optimizer may depend on: signs, the order and the grouping of elements, alignment, the other tensors
#include <doctest/doctest.h>

#include "mango/optim/adamw.hpp"
#include "mango/optim/lion.hpp"
#include "mango/optim/sgd.hpp"
#include "optim/model.hpp"
#include "optim/snapshot.hpp"
#include "support/guarded.hpp"

using namespace optim_test;
using with_momentum = mango::sgd<mango::stores<mango::fp32>>;

namespace {

constexpr index_t count = 150;

mango::adamw<> make_adamw() { return mango::adamw<>{{.learning_rate = 1e-2, .weight_decay = 0.1}}; }
mango::lion<> make_lion() { return mango::lion<>{{.learning_rate = 1e-2, .weight_decay = 0.1}}; }
with_momentum make_sgd() { return with_momentum{{.learning_rate = 1e-2, .momentum = 0.9, .weight_decay = 0.1}}; }

// weights after 10 steps from `p`, with the gradient of step k passed through `change`
template <class Optimizer, class Change>
std::vector<float> run(Optimizer opt, std::vector<float> p, Change change, const char* name = "w") {
  const auto id = opt.add(name, p.size());
  for (unsigned k = 0; k < 10; ++k) opt.begin_step().update(id, p, change(uniform(count, 100 + k)));
  return p;
}
template <class Check> void for_each_kind(Check check) {
  check([] { return make_adamw(); });
  check([] { return make_lion(); });
  check([] { return make_sgd(); });
}
const auto as_it_is = [](std::vector<float> g) { return g; };
std::vector<float> negated(std::vector<float> x) {
  for (float& v : x) v = -v;
  return x;
}
std::vector<float> reversed(std::vector<float> x) {
  std::reverse(x.begin(), x.end());
  return x;
}

}  // namespace

TEST_CASE("laws symmetry: turning every sign around turns the result around") {
  for_each_kind([](auto make) {
    const auto start = uniform(count, 1);
    CHECK(same_bits(run(make(), negated(start), negated), negated(run(make(), start, as_it_is))));
  });
}

TEST_CASE("laws symmetry: elements do not know their place") {
  for_each_kind([](auto make) {
    const auto start = uniform(count, 1);
    CHECK(same_bits(run(make(), reversed(start), reversed), reversed(run(make(), start, as_it_is))));
  });
}

TEST_CASE("laws symmetry: a tensor may be cut into pieces anywhere") {
  for_each_kind([](auto make) {
    const auto whole = run(make(), uniform(count, 1), as_it_is);
    for (const std::size_t cut : {std::size_t{1}, std::size_t{16}, std::size_t{77}, std::size_t{149}}) {
      auto p = uniform(count, 1);
      auto opt = make();
      const auto first = opt.add("first", cut), second = opt.add("second", p.size() - cut);
      for (unsigned k = 0; k < 10; ++k) {
        const auto g = uniform(count, 100 + k);
        const auto step = opt.begin_step();
        step.update(second, std::span(p).subspan(cut), std::span(g).subspan(cut));
        step.update(first, std::span(p).first(cut), std::span(g).first(cut));
      }
      CHECK(same_bits(p, whole));
    }
  });
}

TEST_CASE("laws symmetry: neither alignment nor what lies beside the arrays matters, and nothing there is touched") {
  for_each_kind([](auto make) {
    const auto start = uniform(count, 1);
    const auto expected = run(make(), start, as_it_is);
    for (std::size_t past = 0; past < 17; ++past) {
      support::guarded<float> p(start, past), g(start.size(), 16 - past);
      support::guarded<std::byte> state(8 * start.size(), 4 * past);
      auto opt = make();
      const auto id =
          opt.add("w", {.shape = {count}, .state = state.span().first(opt.state_bytes({.shape = {count}}))});
      for (unsigned k = 0; k < 10; ++k) {
        const auto values = uniform(count, 100 + k);
        std::copy(values.begin(), values.end(), g.data());
        opt.begin_step().update(id, p.span(), g.span());
      }
      CHECK(same_bits(p, expected));
      CHECK((p.check() && g.check() && state.check()));
    }
  });
}

TEST_CASE("laws symmetry: a zero gradient without decay and momentum changes nothing") {
  const auto start = uniform(count, 1);
  const auto nothing = [](std::vector<float> g) { return std::vector<float>(g.size()); };
  CHECK(same_bits(run(mango::adamw{{.weight_decay = 0}}, start, nothing), start));
  CHECK(same_bits(run(mango::lion{{}}, start, nothing), start));
  CHECK(same_bits(run(mango::sgd{{}}, start, nothing), start));
}

TEST_CASE("laws symmetry: groups are what separate optimizers would do, and tensors do not see each other") {
  mango::adamw_config base{.learning_rate = 1e-2, .weight_decay = 0.1}, other = base;
  other.b1 = 0.5;
  other.weight_decay = 0;
  mango::adamw together{base};
  together.group({.names = "*.1"}, other);
  model<float> t({40, 50, 60}), apart = t;
  t.register_in(together, true);
  for (unsigned k = 0; k < 10; ++k) {
    t.backward(k);
    together.step();
  }
  for (std::size_t i = 0; i < apart.size(); ++i) {
    mango::adamw alone{i == 1 ? other : base};
    const auto id = alone.add("another name", apart.p[i].size());
    for (unsigned k = 0; k < 10; ++k) {
      apart.backward(k);
      alone.begin_step().update(id, apart.p[i], apart.g[i]);
    }
  }
  CHECK(t.same_parameters(apart));
}
