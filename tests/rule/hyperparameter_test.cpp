// rule/hyperparameter.hpp and the ranges that every rule declares: each bound, and what is said beyond it
#include "mango/rule/hyperparameter.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>

#include "mango/rule/adam.hpp"
#include "mango/rule/average.hpp"
#include "mango/rule/chain.hpp"
#include "mango/rule/clip.hpp"
#include "mango/rule/global_norm.hpp"
#include "mango/rule/momentum.hpp"
#include "mango/rule/weight_decay.hpp"

using namespace mango;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

double before(double x) { return std::nextafter(x, -infinity); }
double after(double x) { return std::nextafter(x, infinity); }

// The field that the rule's check complains about; empty when it accepts.
template <class R> std::string refused(const R& rule) {
  try {
    rule.hyperparameters(check_hyperparameter{});
  } catch (const error& e) {
    CHECK(e.code() == errc::config);
    CHECK(std::string(e.what()).find(std::string(e.subject())) == 0);  // the sentence starts with the field
    return std::string(e.subject());
  }
  return "";
}

// The field takes every number of `good`; of `bad`, and of what is no number, it is the one that is named.
template <class R>
void check_range(double R::*field, const char* name, std::initializer_list<double> good,
                 std::initializer_list<double> bad) {
  CAPTURE(name);
  const auto with = [&](double x) {
    R rule;
    rule.*field = x;
    return rule;
  };
  for (const double x : good) {
    CAPTURE(x);
    CHECK(refused(with(x)).empty());
  }
  for (const double x : bad) {
    CAPTURE(x);
    CHECK(refused(with(x)) == name);
  }
  for (const double x : {not_a_number, -not_a_number, infinity, -infinity}) CHECK(refused(with(x)) == name);
}

constexpr double denormal = std::numeric_limits<double>::denorm_min();

}  // namespace

TEST_CASE("rule hyperparameter: an interval and its ends") {
  constexpr interval closed{1, 2}, open{1, 2, true, true};
  CHECK((closed.contains(1) && closed.contains(2) && !closed.contains(before(1)) && !closed.contains(after(2))));
  CHECK((!open.contains(1) && !open.contains(2) && open.contains(after(1)) && open.contains(before(2))));
  CHECK(
      (fraction.contains(0) && fraction.contains(before(1)) && !fraction.contains(1) && !fraction.contains(-denormal)));
  CHECK(to_text(fraction) == "[0, 1)");
  CHECK(to_text(open) == "(1, 2)");
  CHECK(to_text(zero_or_more) == "[0, 1e+30]");
}

TEST_CASE("rule hyperparameter: the sentence names the field, its value and its range") {
  try {
    require("b1", 1.5, fraction);
    FAIL("nothing was thrown");
  } catch (const error& e) {
    CHECK(std::string(e.what()) == "b1 is 1.5 but must be in [0, 1)");
    CHECK((e.code() == errc::config && e.subject() == "b1"));
  }
}

TEST_CASE("rule hyperparameter: the ranges of every rule") {
  check_range(&scale_by_adam::b1, "b1", {0, 0.5, before(1)}, {1, -denormal, 2});
  check_range(&scale_by_adam::b2, "b2", {0, 0.5, before(1)}, {1, -denormal, 2});
  check_range(&scale_by_adam::eps, "eps", {1e-30, 1e-8, 1}, {before(1e-30), 0, -1, after(1)});
  check_range(&scale_by_momentum::momentum, "momentum", {0, before(1)}, {1, -denormal});
  check_range(&scale_by_momentum::dampening, "dampening", {0, 1}, {after(1), -denormal});
  check_range(&add_decayed_weights::weight_decay, "weight_decay", {0, 1e30}, {-denormal, after(1e30)});
  check_range(&decoupled_step::weight_decay, "weight_decay", {0, 1e30}, {-denormal, after(1e30)});
  check_range(&clip_by_value::limit, "limit", {0, 1e30}, {-denormal, after(1e30)});
  check_range(&clip_by_global_norm::max_norm, "max_norm", {0, 1e30}, {-denormal, after(1e30)});
  check_range(&average_weights::decay, "decay", {0, before(1)}, {1, -denormal});
  check_range(&average_weights::warm, "warm", {0, 1e30}, {-denormal, after(1e30)});
}

TEST_CASE("rule hyperparameter: the ranges of every schedule") {
  const auto rate = [](const schedule& s) {
    CHECK(refused(scale_by_learning_rate{s}) == refused(decoupled_step{s}));
    return refused(scale_by_learning_rate{s});
  };
  for (const double x : {0.0, 1e-3, 1e30}) CHECK(rate(x).empty());
  for (const double x : {-denormal, after(1e30), not_a_number, infinity}) {
    CHECK(rate(x) == "learning_rate.peak");
    CHECK(rate(warmup_cosine{.peak = x}) == "learning_rate.peak");
    CHECK(rate(polynomial_decay{.peak = x}) == "learning_rate.peak");
    CHECK(rate(step_decay{.initial = x}) == "learning_rate.peak");
    CHECK(rate(warmup_cosine{.final = x}) == "learning_rate.final");
    CHECK(rate(polynomial_decay{.final = x}) == "learning_rate.final");
    CHECK(rate(polynomial_decay{.power = x}) == "learning_rate.shape");
    CHECK(rate(step_decay{.factor = x}) == "learning_rate.shape");
  }
  CHECK(rate(warmup_cosine{.warmup = 0, .total = 1}).empty());
  CHECK(rate(step_decay{.every = 1}).empty());
  for (const std::int64_t n : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1} << 60}) {
    CHECK(rate(warmup_cosine{.total = n}) == "learning_rate.total");
    CHECK(rate(polynomial_decay{.total = n}) == "learning_rate.total");
    CHECK(rate(step_decay{.every = n}) == "learning_rate.total");
  }
  for (const std::int64_t n : {std::int64_t{-1}, std::int64_t{1} << 60}) {
    CHECK(rate(warmup_cosine{.warmup = n}) == "learning_rate.warmup");
    CHECK(rate(polynomial_decay{.warmup = n}) == "learning_rate.warmup");
  }
}

TEST_CASE("rule hyperparameter: a chain checks all of its rules, first to last") {
  const auto rules = [](double b2, double decay) {
    return chain(clip_by_global_norm{1}, scale_by_adam{.b2 = b2}, decoupled_step{1e-3, decay});
  };
  CHECK(refused(rules(0.999, 0.01)).empty());
  CHECK(refused(rules(1, 0.01)) == "b2");
  CHECK(refused(rules(0.999, -1)) == "weight_decay");
  CHECK(refused(rules(not_a_number, -1)) == "b2");
}
