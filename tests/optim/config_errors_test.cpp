// hyperparameters and arguments outside their ranges, at both ends of each, and what remains after one was refused
#include <doctest/doctest.h>

#include <limits>
#include <stdexcept>

#include "mango/optim/adam.hpp"
#include "mango/optim/adamw.hpp"
#include "mango/optim/lion.hpp"
#include "mango/optim/sgd.hpp"
#include "mango/rule/average.hpp"
#include "mango/rule/clip.hpp"
#include "optim/caught.hpp"
#include "optim/numbers.hpp"
#include "optim/snapshot.hpp"

using namespace optim_test;
using mango::errc;
using with_momentum = mango::sgd<mango::stores<mango::fp32>>;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinite = std::numeric_limits<double>::infinity();

// `make(value)` constructs: at the bounds it does; beyond them, and for NaN and infinity, it names field and value
struct bounds {
  const char* field;
  std::vector<double> allowed, refused;
};
const std::vector<double> negative_or_huge = {-1e-300, -1, 1.0000001e30};
bounds fraction(const char* field) { return {field, {0, 1e-300, 0.5, 0.9999999999999999}, {-1e-300, 1, 2}}; }
bounds zero_or_more(const char* field) { return {field, {0, 1e-300, 1, 1e30}, negative_or_huge}; }

template <class Make> void check_bounds(const bounds& b, Make make) {
  CAPTURE(std::string(b.field));
  for (const double x : b.allowed) {
    CAPTURE(x);
    CHECK_NOTHROW(make(x));
  }
  auto refused = b.refused;
  refused.insert(refused.end(), {not_a_number, -not_a_number, infinite, -infinite});
  for (const double x : refused) {
    CAPTURE(x);
    const auto e = caught([&] { make(x); });
    check_error(e, errc::config, b.field);
    CHECK(contains(e.what(), "must be in"));
  }
}

template <class Config, class Make> void check_adam_fields(Make make) {
  const auto field = [&](const bounds& b, double Config::*member) {
    check_bounds(b, [&](double x) {
      Config c;
      c.*member = x;
      make(c);
    });
  };
  field(fraction("b1"), &Config::b1);
  field(fraction("b2"), &Config::b2);
  field({"eps", {1e-30, 1e-8, 1}, {0, 9e-31, -1e-8, 1.0000001}}, &Config::eps);
  field(zero_or_more("weight_decay"), &Config::weight_decay);
  field(zero_or_more("max_norm"), &Config::max_norm);
  check_bounds(zero_or_more("learning_rate.peak"), [&](double x) { make(Config{.learning_rate = x}); });
}

}  // namespace

TEST_CASE("optim config: every field of adamw and adam has its range") {
  check_adam_fields<mango::adamw_config>([](const auto& c) { mango::adamw opt{c}; });
  check_adam_fields<mango::adam_config>([](const auto& c) { mango::adam opt{c}; });
}

TEST_CASE("optim config: every field of lion has its range") {
  check_bounds(fraction("b1"), [](double x) { mango::lion opt{{.b1 = x}}; });
  check_bounds(fraction("b2"), [](double x) { mango::lion opt{{.b2 = x}}; });
  check_bounds(zero_or_more("weight_decay"), [](double x) { mango::lion opt{{.weight_decay = x}}; });
  check_bounds(zero_or_more("max_norm"), [](double x) { mango::lion opt{{.max_norm = x}}; });
  check_bounds(zero_or_more("learning_rate.peak"), [](double x) { mango::lion opt{{.learning_rate = x}}; });
}

TEST_CASE("optim config: every field of sgd has its range") {
  check_bounds(fraction("momentum"), [](double x) { with_momentum opt{{.momentum = x}}; });
  check_bounds({"dampening", {0, 0.5, 1}, {-1e-9, 1.0000001}},
               [](double x) { with_momentum opt{{.momentum = 0.9, .dampening = x}}; });
  for (const bool decoupled : {false, true})
    check_bounds(zero_or_more("weight_decay"),
                 [&](double x) { mango::sgd opt{{.weight_decay = x, .decoupled = decoupled}}; });
  check_bounds(zero_or_more("max_norm"), [](double x) { mango::sgd opt{{.max_norm = x}}; });
  check_bounds(zero_or_more("learning_rate.peak"), [](double x) { mango::sgd opt{{.learning_rate = x}}; });
}

TEST_CASE("optim config: every number of a schedule has its range") {
  const auto make = [](const mango::schedule& s) { mango::sgd opt{{.learning_rate = s}}; };
  check_bounds(zero_or_more("learning_rate.peak"), [&](double x) { make(mango::warmup_cosine{.peak = x}); });
  check_bounds(zero_or_more("learning_rate.final"), [&](double x) { make(mango::warmup_cosine{.final = x}); });
  check_bounds(zero_or_more("learning_rate.final"), [&](double x) { make(mango::polynomial_decay{.final = x}); });
  check_bounds(zero_or_more("learning_rate.shape"), [&](double x) { make(mango::polynomial_decay{.power = x}); });
  check_bounds(zero_or_more("learning_rate.peak"), [&](double x) { make(mango::step_decay{.initial = x}); });
  check_bounds(zero_or_more("learning_rate.shape"), [&](double x) { make(mango::step_decay{.factor = x}); });
  const auto refuses = [&](const mango::schedule& s, const char* field) {
    check_error(caught([&] { make(s); }), errc::config, field);
  };
  refuses(mango::warmup_cosine{.total = 0}, "learning_rate.total");
  refuses(mango::warmup_cosine{.warmup = -1}, "learning_rate.warmup");
  refuses(mango::polynomial_decay{.total = -5}, "learning_rate.total");
  refuses(mango::polynomial_decay{.warmup = -1}, "learning_rate.warmup");
  refuses(mango::step_decay{.every = 0}, "learning_rate.total");
  make(mango::warmup_cosine{.warmup = 10, .total = 5});  // all warm-up
}

TEST_CASE("optim config: rules of one's own chain are checked too") {
  const auto make = [](const auto& rule) { mango::optimizer opt{mango::chain(mango::sgd_rules<0>(), rule)}; };
  check_bounds(zero_or_more("limit"), [&](double x) { make(mango::clip_by_value{x}); });
  const auto averaged = [](const mango::average_weights& a) {
    mango::optimizer opt{mango::chain(mango::sgd_rules<0>(), a), mango::stores<mango::fp32>{}};
  };
  check_bounds(fraction("decay"), [&](double x) { averaged({.decay = x}); });
  check_bounds(zero_or_more("warm"), [&](double x) { averaged({.warm = x}); });
}

TEST_CASE("optim config: a group with a bad value is refused whole, and the next one takes its number") {
  mango::adamw opt{{.weight_decay = 0.5}};
  check_error(caught([&] { opt.group({}, mango::adamw_config{.b2 = 1}); }), errc::config, "b2");
  const mango::tensor_registry& tensors = opt;
  CHECK(tensors.group(opt.add("a", 3)) == 0);
  CHECK(opt.group({.names = "b"}, mango::adamw_config{.weight_decay = 0.25}) == 1);
  CHECK(tensors.group(opt.add("b", 3)) == 1);
  CHECK(opt.rules(1).tail.tail.head.weight_decay == 0.25);
}

TEST_CASE("optim config: arguments of a step are refused before it counts") {
  auto p = uniform(5, 1), q = p;
  const auto g = uniform(5, 2);
  mango::adamw opt{{}}, undisturbed{{}};
  opt.add("w", {.shape = {5}}, p, g);
  undisturbed.add("w", {.shape = {5}}, q, g);
  const snapshot before(opt);
  const auto refuses = [&](const mango::step_args& args, const char* field) {
    check_error(caught([&] { opt.step(args); }), errc::config, field);
    check_error(caught([&] { (void)opt.begin_step(args); }), errc::config, field);
  };
  for (const double x : {not_a_number, -not_a_number, infinite, -infinite, 1.0000001e30, -0.5})
    refuses({.learning_rate = x}, "learning_rate");
  for (const double x : {not_a_number, -not_a_number, infinite, -infinite, 1.0000001e30, -1.0000001e30})
    refuses({.gradient_scale = x}, "gradient_scale");
  CHECK(snapshot(opt) == before);
  CHECK(same_bits(p, q));
  opt.step();
  undisturbed.step();
  CHECK(same_bits(p, q));
  opt.step({.learning_rate = 0, .gradient_scale = -1});  // both are legal
  CHECK(same_bits(p, q));
}

TEST_CASE("optim config: a schedule function that returns no rate is refused before anything is written") {
  std::vector<float> p(5, 1.0f), g(5, 1.0f);
  const auto untouched = p;
  for (const mango::schedule::function bad :
       {+[](std::int64_t) { return not_a_number; }, +[](std::int64_t) { return infinite; },
        +[](std::int64_t) { return -1.0; }}) {
    mango::sgd opt{{.learning_rate = bad}};
    opt.add("w", {.shape = {5}}, p, g);
    check_error(caught([&] { opt.step(); }), errc::config, "learning_rate");
    CHECK(same_bits(p, untouched));
  }
}

TEST_CASE("optim config: what a schedule function throws comes out of the step, with everything as it was") {
  // more than one tensor, so that some would have moved
  auto p = uniform(70'000, 1), q = uniform(5, 2), g = uniform(70'000, 3), h = uniform(5, 4);
  mango::adamw opt{
      {.learning_rate = +[](std::int64_t t) { return t == 2 ? throw std::runtime_error("no rate") : 0.1; }}};
  const auto w = opt.add("w", {.shape = {70'000}}, p, g);
  opt.add("b", {.shape = {5}}, q, h);
  opt.step();
  const snapshot before(opt);
  const auto p_before = p, q_before = q;
  CHECK_THROWS_AS(opt.step(), std::runtime_error);
  const auto token = opt.begin_step();
  CHECK_THROWS_AS(token.update(w, p, g), std::runtime_error);
  CHECK((snapshot(opt) == before && same_bits(p, p_before) && same_bits(q, q_before)));
  CHECK(opt.step({.learning_rate = 0.1}).applied);  // nobody is still at work
}

TEST_CASE("optim config: a negative number of skips is refused, not taken for never") {
  check_error(caught([] { mango::sgd opt{{.options = {.max_consecutive_skips = -1}}}; }), errc::config,
              "max_consecutive_skips");
}
