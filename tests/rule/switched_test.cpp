// rule/switched.hpp: the rule itself, or nothing, and no survey for a rule that is off
#include "mango/rule/switched.hpp"

#include <doctest/doctest.h>

#include <string>

#include "mango/rule/cautious.hpp"
#include "mango/rule/grams.hpp"
#include "mango/rule/momentum.hpp"
#include "mango/rule/nesterov.hpp"
#include "mango/rule/orthograd.hpp"
#include "mango/rule/weight_decay.hpp"
#include "rule/follow.hpp"
#include "support/compare.hpp"

using namespace mango;
using namespace rule_test;

namespace {

// doubles an update, and says so
struct twice {
  static constexpr const char* name = "twice";
  static constexpr std::array<slot, 0> slots{};
  struct frame {
    float factor;
  };
  frame fold(const step_info&) const { return {2}; }
  template <class F> void hyperparameters(F&& f) const { f("factor", "2"); }
  template <class T> MANGO_HD static T apply(const frame& k, T u) { return k.factor * u; }
};

// finds out how many numbers a tensor has, and counts how often it is shown some
struct looking {
  static constexpr const char* name = "looking";
  static constexpr std::array<slot, 0> slots{};
  static constexpr survey needs = survey::update;
  struct frame {
    float found;
  };
  static inline int* seen = nullptr;
  frame fold(const step_info&) const { return {0}; }
  bool observes() const { return true; }
  template <class T> static products<T, 1> observe(const frame&, T, T, T) {
    ++*seen;
    return {{T(1.0f)}, {T(1.0f)}};
  }
  void settle(frame& k, const sums_of_products<1>& of) const { k.found = static_cast<float>(of.sum[0]); }
  template <class F> void hyperparameters(F&&) const {}
  template <class T> MANGO_HD static T apply(const frame& k, T) { return T(k.found); }
};

// what chains make of the same gradients
template <class A, class B> int differences(const A& a, const B& b) {
  const auto p = optim_test::uniform(1009, 1);
  updates one_of(chain(average_updates{}, a), stores<fp32>{}, p);
  updates other(chain(average_updates{}, b), stores<fp32>{}, p);
  int different = 0;
  for (unsigned t = 1; t <= 20; ++t) {
    const auto g = gradient(1009, t);
    different += !optim_test::same_bits(one_of(g), other(g));
  }
  CHECK(optim_test::snapshot(one_of.opt) == optim_test::snapshot(other.opt));
  return different;
}

}  // namespace

static_assert(gradient_rule<switched<twice>> && !parameter_rule<switched<twice>> && !settled_rule<switched<twice>>);
static_assert(steering_rule<switched<grams>> && steering_rule<switched<cautious>> && !gradient_rule<switched<grams>>);
static_assert(settled_rule<switched<cautious>> && !settled_rule<switched<grams>>);
static_assert(parameter_rule<switched<orthograd>> && settled_rule<switched<orthograd>>);
static_assert(switched<orthograd>::needs == survey::update && switched<grams>::needs == survey::none);

TEST_CASE("rule switched: on, it is the rule to the last bit; off, it is not there") {
  const auto check = [](const auto& rule) {
    using rule_type = std::remove_cvref_t<decltype(rule)>;
    CHECK(differences(switched<rule_type>{true, rule}, rule) == 0);
    CHECK(differences(switched<rule_type>{false, rule}, chain()) == 0);
    CHECK(differences(switched<rule_type>{false, rule}, rule) >= 19);
  };
  check(twice{});
  check(grams{});
  check(nesterov{0.7});
  check(cautious{});
  check(orthograd{});
  check(cautious{.per_count = true});
}

TEST_CASE("rule switched: it is off unless somebody says otherwise, and each switch is its own") {
  CHECK(differences(switched<twice>{}, chain()) == 0);
  const auto both = chain(switched<grams>{true, {}}, switched<twice>{true, {}});
  CHECK(differences(both, chain(grams{}, twice{})) == 0);
  CHECK(differences(chain(switched<grams>{true, {}}, switched<twice>{false, {}}), grams{}) == 0);
  CHECK(differences(chain(switched<grams>{false, {}}, switched<twice>{true, {}}), twice{}) == 0);
}

TEST_CASE("rule switched: a survey that is only for a rule which is off leaves every number unread") {
  for (const bool on : {false, true}) {
    int seen = 0;
    looking::seen = &seen;
    updates run(chain(average_updates{}, switched<looking>{on, {}}), stores<fp32>{}, std::vector<float>(17));
    const auto u = run(gradient(17, 1));
    CHECK((seen > 0) == on);
    CHECK((u[0] == 17) == on);
  }
}

TEST_CASE("rule switched: it says whether it is on, and lists what the rule has") {
  std::vector<std::string> words;
  const auto visit = [&](const char* name, auto value, auto... rest) {
    words.push_back(name);
    if constexpr (std::is_convertible_v<decltype(value), const char*>) words.push_back(value);
    static_assert(sizeof...(rest) <= 1);
  };
  switched<cautious>{true, {}}.hyperparameters(visit);
  CHECK(words == std::vector<std::string>{"cautious", "yes", "cautious_floor", "cautious_scale", "mean"});
  words.clear();
  switched<twice>{}.hyperparameters(visit);
  CHECK(words == std::vector<std::string>{"twice", "no", "factor", "2"});
  const auto refused = [] { optimizer opt{chain(switched<cautious>{true, {.floor = 0}}), stores<>{}}; };
  CHECK_THROWS_AS(refused(), error);
}
