// rule/learning.hpp: rules of one's own that remember, observe, keep slices and pool, through the optimizer
#include "mango/rule/learning.hpp"

#include <doctest/doctest.h>

#include <string>

#include "mango/rule/kourkoutas.hpp"
#include "mango/rule/momentum.hpp"
#include "mango/rule/orthograd.hpp"
#include "mango/rule/prodigy.hpp"
#include "mango/rule/weight_decay.hpp"
#include "rule/follow.hpp"

using namespace mango;
using namespace rule_test;

namespace {

// an update is 1 more than the last one, whatever the gradient
struct counting {
  static constexpr std::array<slot, 0> slots{};
  static constexpr const char* memory_name = "counting";
  static constexpr std::array remembered{"updates"};
  struct memory {
    double updates;
  };
  struct frame {
    float next;
  };
  void inform(step_info& s, const memory& m) const { s.weights = m.updates + 1; }
  void learn(memory& m, const step_info& s, const double*) const { m.updates = s.weights; }
  frame fold(const step_info& s) const { return {static_cast<float>(s.weights)}; }
  template <class T> MANGO_HD static T apply(const frame& k, T) { return T(k.next); }
};

// Sums over every `Every`th number, which it also keeps: how many there are, their indices, and u and p there. Which
// one it is, is its Name.
template <int Every, char Name> struct watching {
  static constexpr char name[] = {Name, 0};
  static constexpr std::array<slot, 0> slots{};
  static constexpr const char* memory_name = name;
  static constexpr std::array remembered{"count", "indices", "u", "squares", "up"};
  struct memory {
    double count, indices, u, squares, up;
  };
  static constexpr int sums = 5;
  static constexpr std::array sliced{"at", "kept"};
  struct frame {};
  std::int64_t slice() const { return Every; }
  void inform(step_info&, const memory&) const {}
  void learn(memory& m, const step_info&, const double* found) const {
    m = {found[0], found[1], found[2], found[3], found[4]};
  }
  frame fold(const step_info&) const { return {}; }
  template <class T> MANGO_HD static T apply(const frame&, T u) { return u; }
  template <class Numbers> static void observe(const frame&, const Numbers& of, double* seen) {
    for (index_t j = of.first(Every); j * Every < of.end; j += of.stride()) {
      const float p = of.p(j * Every), u = of.u(j * Every, p);
      of.slice(0)[j] = static_cast<float>(j * Every);
      of.slice(1)[j] = u;
      seen[0] += 1;
      seen[1] += static_cast<double>(j * Every);
      seen[2] += static_cast<double>(u);
      seen[4] += static_cast<double>(u) * static_cast<double>(p);
    }
    seen[3] += of.squared_norm();
  }
};

// the sum of what all tensors of a pool were updated with, told to each
struct pooling {
  pool by = pool::all;
  static constexpr std::array<slot, 0> slots{};
  static constexpr const char* memory_name = "pooling";
  static constexpr std::array remembered{"own", "order", "all"};
  struct memory {
    double own, order, all;
  };
  struct pooled {
    double sum, order;
  };
  struct frame {};
  pool pooled_by() const { return by; }
  void inform(step_info&, const memory&) const {}
  void learn(memory& m, const step_info& s, const double*) const { m.own = s.learning_rate; }
  void gather(pooled& all, const memory& m) const { all = {all.sum + m.own, 10 * all.order + m.own}; }
  void share(memory& m, const pooled& all) const { m.order = all.order, m.all = all.sum; }
  frame fold(const step_info&) const { return {}; }
  template <class T> MANGO_HD static T apply(const frame&, T u) { return u; }
};

}  // namespace

static_assert(learning_rule<counting> && !observing_rule<counting> && !pooling_rule<counting>);
static_assert(slicing_rule<watching<3, 'w'>> && !pooling_rule<watching<3, 'w'>>);
static_assert(pooling_rule<pooling> && !observing_rule<pooling> && !learning_rule<orthograd>);
using both = detail::learning<chain_t<watching<3, 'a'>, counting, average_updates, watching<5, 'b'>>>;
static_assert(both::memory == 11 && both::sums == 10 && both::sliced == 4 && !both::pools);
static_assert(detail::learning<chain_t<orthograd, pooling>>::pools);

TEST_CASE("rule learning: memory is zero at first, state by name, told before a fold and taught after an update") {
  optimizer opt{chain(counting{}), stores<>{}, host{}, {.on_nonfinite = nonfinite::skip}};
  const auto a = opt.add("a", 17), b = opt.add("b", 17);
  std::vector<float> p(17), u(17), g(17, 5.0f);
  CHECK(remembered(opt, a, "counting", "updates") == 0);
  CHECK(std::isnan(remembered(opt, a, "counting", "other")));
  for (float t = 1; t <= 3; ++t) {
    opt.begin_step().update_into(a, p, g, u);
    CHECK(u == std::vector<float>(17, t));
    CHECK(remembered(opt, a, "counting", "updates") == static_cast<double>(t));
  }
  g[3] = HUGE_VALF;
  CHECK(!opt.begin_step().update_into(a, p, g, u));  // skipped: nothing is learned
  CHECK(remembered(opt, a, "counting", "updates") == 3);
  CHECK(remembered(opt, b, "counting", "updates") == 0);
  CHECK(opt.state_bytes() >= 16);
}

TEST_CASE("rule learning: a rule sees every number that it asked for once, in its slices and sums, over chunks too") {
  for (const index_t n : {1, 15, 16, 17, 1009, 200'003}) {
    CAPTURE(n);
    optimizer opt{chain(watching<7, 'w'>{}), stores<>{}};
    const auto id = opt.add("w", n);
    auto p = optim_test::uniform(n, 1);
    const auto before = p, g = gradient(n, 1);
    opt.begin_step({.gradient_scale = 0.5}).update(id, p, g);
    double count = 0, indices = 0, u = 0, up = 0;
    const auto at = optim_test::floats_of(opt, "w", "w", "at"), kept = optim_test::floats_of(opt, "w", "w", "kept");
    REQUIRE(at.size() == static_cast<std::size_t>((n + 6) / 7));
    int wrong = 0;
    for (std::size_t i = 0; i < g.size(); i += 7) {
      ++count, indices += static_cast<double>(i), u += 0.5 * static_cast<double>(g[i]);
      up += 0.5 * static_cast<double>(g[i]) * static_cast<double>(before[i]);
      wrong += at[i / 7] != static_cast<float>(i) || kept[i / 7] != 0.5f * g[i];
    }
    CHECK(wrong == 0);
    CHECK(remembered(opt, id, "w", "count") == count);
    CHECK(remembered(opt, id, "w", "indices") == indices);
    CHECK(remembered(opt, id, "w", "u") == doctest::Approx(u).epsilon(1e-12));
    CHECK(remembered(opt, id, "w", "up") == doctest::Approx(up).epsilon(1e-12));
    const double squares = 0.25 * reference::dot(doubles(g), doubles(g));
    CHECK(remembered(opt, id, "w", "squares") == doctest::Approx(squares).epsilon(1e-6));
  }
}

TEST_CASE("rule learning: u is what the rules before make of a gradient, once their survey is done") {
  const auto rules = chain(add_decayed_weights{0.5}, orthograd{}, watching<1, 'w'>{}, average_updates{});
  optimizer opt{rules, stores<fp32>{}};
  const auto id = opt.add("w", 1009);
  auto p = optim_test::uniform(1009, 1);
  const auto g = gradient(1009, 1);
  auto decayed = doubles(g);
  for (std::size_t i = 0; i < p.size(); ++i) decayed[i] += 0.5 * static_cast<double>(p[i]);
  const auto expected = reference::orthograd(decayed, doubles(p));
  opt.begin_step().update(id, p, g);
  CHECK(optim_test::distance(optim_test::floats_of(opt, "w", "w", "kept"), expected) < 1e-6);
  CHECK(std::abs(remembered(opt, id, "w", "up")) < 1e-4);
}

TEST_CASE("rule learning: several rules of a chain each have their own memory, sums and slices") {
  optimizer opt{chain(watching<3, 'a'>{}, add_decayed_weights{2}, counting{}, watching<5, 'b'>{}), stores<>{}};
  const auto id = opt.add("w", 100);
  std::vector<float> p(100, 1), g(100, 3);
  opt.begin_step().update(id, p, g);
  CHECK(remembered(opt, id, "a", "count") == 34);
  CHECK(remembered(opt, id, "b", "count") == 20);
  CHECK(remembered(opt, id, "counting", "updates") == 1);
  CHECK(remembered(opt, id, "a", "u") == 102);  // the gradient
  CHECK(remembered(opt, id, "b", "u") == 20);   // what `counting` made of it
  CHECK(optim_test::floats_of(opt, "w", "a", "at").size() == 34);
  CHECK(optim_test::floats_of(opt, "w", "b", "at")[19] == 95);
  CHECK(optim_test::floats_of(opt, "w", "a", "at")[33] == 99);
}

TEST_CASE("rule learning: a rule sees a parameter of 16 bits as the number that it is") {
  optimizer opt{chain(watching<1, 'w'>{}), stores<>{}};
  const auto id = opt.add("w", {.shape = {1009}, .parameter = dtype::bf16});
  auto p = optim_test::to_bf16(optim_test::uniform(1009, 1));
  const auto before = doubles(optim_test::to_float(p));
  const auto g = gradient(1009, 1);
  opt.begin_step().update(id, p, g);
  CHECK(remembered(opt, id, "w", "up") == doctest::Approx(reference::dot(before, doubles(g))).epsilon(1e-12));
}

TEST_CASE("rule learning: a pool gathers in order of registration before a step and tells each of its tensors") {
  const struct {
    pool by;
    double order[4], all[4];
  } cases[] = {{pool::all, {1234, 1234, 1234, 1234}, {10, 10, 10, 10}},
               {pool::group, {13, 24, 13, 24}, {4, 6, 4, 6}},
               {pool::shape, {12, 12, 3, 4}, {3, 3, 3, 4}},
               {pool::tensor, {1, 2, 3, 4}, {1, 2, 3, 4}}};
  for (const auto& c : cases) {
    CAPTURE(std::string(name_of(c.by)));
    optimizer opt{chain(pooling{c.by}), stores<>{}};
    opt.group({.names = "*odd"}, chain(pooling{c.by}));
    const tensor_id ids[] = {opt.add("0 even", {.shape = {5, 3}}), opt.add("1 odd", {.shape = {5, 3}}),
                             opt.add("2 even", {.shape = {3, 5}}), opt.add("3 odd", {.shape = {15}})};
    std::vector<float> p(15);
    const std::vector<float> g(15, 1.0f);
    for (int i = 3; i >= 0; --i)  // in another order than that of registration
      opt.begin_step({.learning_rate = i + 1.0}).update(ids[i], p, g);
    (void)opt.begin_step();
    for (int i = 0; i < 4; ++i) {
      CHECK(remembered(opt, ids[i], "pooling", "order") == c.order[i]);
      CHECK(remembered(opt, ids[i], "pooling", "all") == c.all[i]);
    }
  }
}

TEST_CASE("rule learning: pools have names, and two rules that learn do not disturb each other") {
  CHECK(std::string(name_of(pool::all)) == "all");
  CHECK(std::string(name_of(pool::group)) == "group");
  CHECK(std::string(name_of(pool::shape)) == "shape");
  CHECK(std::string(name_of(pool::tensor)) == "tensor");
  const auto run = [](const auto& rules, std::string_view rule, std::string_view what) {
    optimizer opt{rules, stores<>{}};
    const auto a = opt.add("a", 100), b = opt.add("b", 33);
    auto p = optim_test::uniform(100, 1, -0.1, 0.1), q = optim_test::uniform(33, 2, -0.1, 0.1);
    for (unsigned t = 1; t <= 12; ++t) {
      const auto step = opt.begin_step();
      step.update(a, p, gradient(100, t));
      step.update(b, q, gradient(33, t));
    }
    (void)opt.begin_step();
    return remembered(opt, b, rule, what);
  };
  const estimate_distance distance{.d0 = 1e-2};
  const scale_by_learning_rate still{0};
  const auto together = chain(distance, choose_b2{}, still);
  CHECK(run(together, "prodigy", "d") == run(chain(distance, still), "prodigy", "d"));
  CHECK(run(together, "kourkoutas", "b2") == run(chain(choose_b2{}, still), "kourkoutas", "b2"));
  CHECK(run(together, "kourkoutas", "b2") < 0.999);
}
