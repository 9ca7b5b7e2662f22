// optimizers from text: every name, every option, and every way to get one wrong
#include <doctest/doctest.h>

#include <set>

#include "factory/host_factory.hpp"
#include "optim/caught.hpp"
#include "optim/numbers.hpp"
#include "optim/options.hpp"
#include "optim/snapshot.hpp"

using namespace optim_test;
using mango::errc, mango::make_optimizer;

namespace {

const change adams[] = {{"b1", "0.5", ""},
                        {"b2", "0.5", ""},
                        {"eps", "0.5", ""},
                        {"convention", "hf", "eps=1e-3"},
                        {"bias_correction", "no", ""},
                        {"stores", "bf16", ""},
                        {"stores", "kahan", ""}};
const change sgds[] = {{"momentum", "0.5", ""},
                       {"dampening", "0.5", "momentum=0.9"},
                       {"nesterov", "yes", "momentum=0.9"},
                       {"decoupled", "yes", "momentum=0.9,weight_decay=0.25"},
                       {"stores", "bf16", "momentum=0.9"},
                       {"stores", "kahan", "momentum=0.9"}};

const change adafactors[] = {{"b1", "0.5", ""},       {"decay_rate", "-0.5", ""},    {"eps", "0.1", ""},
                             {"clip_rms", "0.5", ""}, {"parameter_scale", "no", ""}, {"floor", "0.9", ""},
                             {"stores", "bf16", ""},  {"stores", "kahan", ""}};

const change smmfs[] = {{"beta", "0.5", ""},        {"beta", "0", ""},          {"eps", "0.5", ""},
                        {"decay_rate", "-0.8", ""}, {"growth_rate", "0.9", ""}, {"stores", "fp32", ""},
                        {"stores", "bf16", ""},     {"stores", "kahan", ""},    {"stores", "dynamic8", ""}};

// the last value of a parameter that starts at 1 and follows this learning rate down a constant slope
float follow(std::string_view rate, int steps = 10) {
  std::vector<float> p{1.0f}, g{1.0f};
  auto opt = make_optimizer("sgd", {{"learning_rate", rate}});
  opt.add("p", {.shape = {1}}, p, g);
  for (int k = 0; k < steps; ++k) opt.step();
  return p[0];
}
float follow(const mango::schedule& rate, int steps = 10) {
  std::vector<float> p{1.0f}, g{1.0f};
  mango::sgd opt{{.learning_rate = rate}};
  opt.add("p", {.shape = {1}}, p, g);
  for (int k = 0; k < steps; ++k) opt.step();
  return p[0];
}

template <class Typed> void equals(const std::string& line, Typed&& typed) {
  CAPTURE(line);
  mango::any_optimizer any = make_optimizer(line);
  const auto start = uniform(70'001, 1);
  auto p = start, q = start, g = start;
  auto half = to_bf16(start), half2 = half;
  any.add("w", {.shape = {70'001}}, p, g);
  typed.add("w", {.shape = {70'001}}, q, g);
  any.add("h", {.shape = {70'001}, .parameter = mango::dtype::bf16}, half, to_bf16(start));
  const auto slope = to_bf16(start);
  any.bind(any.tensors().find("h"), half, slope);
  typed.add("h", {.shape = {70'001}, .parameter = mango::dtype::bf16}, half2, slope);
  for (unsigned k = 0; k < 3; ++k) {
    refill(g, uniform(70'001, k));
    const auto a = any.step({.learning_rate = 0.01, .gradient_scale = 0.5});
    const auto b = typed.step({.learning_rate = 0.01, .gradient_scale = 0.5});
    CHECK(a.gradient_norm == b.gradient_norm);
  }
  CHECK(same_bits(p, q));
  CHECK(same_bits(half, half2));
  CHECK(snapshot(any.tensors()) == snapshot(typed));
  CHECK(any.name() == typed.kind());
  CHECK(std::string_view(any.describe()) == std::string_view(typed.describe()));
}

}  // namespace

TEST_CASE("optim factory: the registry names what can be made") {
  std::set<std::string_view> names;
  for (const auto& k : mango::optimizer_kinds()) {
    names.insert(k.name);
    CHECK(!k.summary.empty());
    CHECK(make_optimizer(k.name).name() == k.name);
  }
  CHECK(names == std::set<std::string_view>{"adamw", "adam", "adopt", "prodigy", "ademamix", "simplified_ademamix",
                                            "lion", "prodigy_lion", "schedule_free", "sgd", "smmf", "adafactor"});
  const auto e = caught([] { make_optimizer("adamx:b1=0.5"); });
  check_error(e, errc::unknown_name, "adamx");
  for (const auto name : names) CHECK(contains(e.what(), name));
}

TEST_CASE("optim factory: every option of adam changes what happens") { every_option_acts("adam", adams); }
TEST_CASE("optim factory: every option of sgd changes what happens") { every_option_acts("sgd", sgds); }
TEST_CASE("optim factory: every option of smmf changes what happens") { every_option_acts("smmf", smmfs); }
TEST_CASE("optim factory: every option of adafactor changes what happens") {
  every_option_acts("adafactor", adafactors);
}

TEST_CASE("optim factory: a number whose gradient is always zero never moves, whatever the rule and the store") {
  int lines = 0;
  mango::each_optimizer([&](std::string_view named) {
    const std::string line(named), undecayed = line + (line.find(':') == line.npos ? ":" : ",") + "weight_decay=0";
    CAPTURE(undecayed);
    auto opt = make_optimizer(undecayed);
    constexpr index_t rows = 60, columns = 70, n = rows * columns;
    auto p = uniform(n, 1), g = p;
    const auto start = p;
    opt.add("w", {.shape = {rows, columns}}, p, g);
    const auto still = [](index_t i) { return i / columns == 7 || i % columns == 9 || i % 11 == 3; };
    for (unsigned t = 0; t < 5; ++t) {
      g = uniform(n, 10 + t);
      for (index_t i = 0; i < n; ++i)
        if (still(i)) g[static_cast<std::size_t>(i)] = t % 2 == 0 ? 0.0f : -0.0f;
      opt.bind(opt.tensors().find("w"), p, g);
      opt.step();
    }
    int moved = 0, stayed = 0;
    for (std::size_t i = 0; i < p.size(); ++i)
      if (const bool same = p[i] == start[i]; same != still(static_cast<index_t>(i))) ++(same ? stayed : moved);
    CHECK(moved == 0);
    CHECK(stayed < n / 100);
    ++lines;
  });
  CHECK(lines >= 30);
}

TEST_CASE("optim factory: any_optimizer is the typed optimizer, bit for bit") {
  using mango::stores, mango::bf16, mango::kahan, mango::fp32;
  equals("adamw:weight_decay=0.1,b2=0.99,seed=3",
         mango::adamw{{.b2 = 0.99, .weight_decay = 0.1, .options = {.seed = 3}}});
  equals("adamw:stores=bf16,max_norm=2", mango::adamw<stores<bf16, bf16>>{{.max_norm = 2}});
  equals("adam:stores=kahan,weight_decay=0.5", mango::adam<stores<kahan, kahan>>{{.weight_decay = 0.5}});
  equals("lion:b1=0.95,weight_decay=0.1", mango::lion{{.b1 = 0.95, .weight_decay = 0.1}});
  equals("lion:stores=bf16,max_norm=2", mango::lion<stores<bf16>>{{.max_norm = 2}});
  equals("sgd", mango::sgd{{}});
  equals("adafactor:b1=0.9", mango::adafactor<stores<mango::factored_axes, fp32>>{{.b1 = 0.9}});
  equals("sgd:momentum=0.9,nesterov=yes", mango::sgd<stores<fp32>>{{.momentum = 0.9, .nesterov = true}});
}

TEST_CASE("optim factory: every store of every optimizer is listed, and can be made") {
  std::set<std::string> lines;
  mango::each_optimizer([&](std::string_view line) {
    CAPTURE(std::string(line));
    lines.insert(std::string(line));
    auto opt = make_optimizer(line);
    auto p = uniform(5, 1), g = p;
    opt.add("p", {.shape = {5}}, p, g);
    CHECK(opt.step().updated == 1);
  });
  for (const char* line :
       {"adamw", "adam:stores=bf16", "lion:stores=kahan", "sgd", "sgd:momentum=0.9", "sgd:momentum=0.9,stores=bf16"})
    CHECK(lines.count(line) == 1);
  CHECK(lines.size() == mango::optimizer_kinds().size() * mango::store_names().size() + 1);
  for (const auto store : mango::store_names()) {
    const auto e = caught([] { make_optimizer("adamw:stores=nothing"); });
    CHECK(contains(e.what(), store));
  }
}

TEST_CASE("optim factory: groups take the optimizer's settings with changes") {
  std::vector<float> weight{1.0f}, bias{1.0f}, zero{0.0f};
  auto opt = make_optimizer("adamw:learning_rate=0.5,weight_decay=0.5");
  CHECK(opt.group({.max_dimensions = 1}, {{"weight_decay", "0"}}) == 1);
  opt.add("weight", {.shape = {1, 1}}, weight, zero);
  opt.add("bias", {.shape = {1}}, bias, zero);
  opt.step();
  CHECK(weight[0] == 0.75f);  // decay alone: 1 - lr wd, with the rate of the whole optimizer
  CHECK(bias[0] == 1.0f);
  CHECK(opt.tensors().group(opt.tensors().find("bias")) == 1);
  check_error(caught([&] { opt.group({}, {{"decay", "0"}}); }), errc::unknown_name, "decay");
  check_error(caught([&] { opt.group({}, {{"b1", "1"}}); }), errc::config, "b1");
  check_error(caught([&] { opt.group({}, {{"seed", "1"}}); }), errc::unknown_name, "seed");  // not a group's to set
  check_error(caught([&] { opt.group({}, {{"stores", "bf16"}}); }), errc::unknown_name, "stores");
  CHECK(opt.group({}, {{"b1", "0.5"}}) == 2);
}

TEST_CASE("optim factory: learning rates and schedules from text") {
  CHECK(follow("0.125") == follow(0.125));
  CHECK(follow("1e-1") == follow(0.1));
  CHECK(follow("warmup_cosine 0.1 3 8") == follow(mango::warmup_cosine{0.1, 3, 8}));
  CHECK(follow("warmup_cosine 0.1 3 8 0.05") == follow(mango::warmup_cosine{0.1, 3, 8, 0.05}));
  CHECK(follow("polynomial_decay 0.1 2 9") == follow(mango::polynomial_decay{0.1, 2, 9}));
  CHECK(follow("polynomial_decay 0.1 2 9 2") == follow(mango::polynomial_decay{0.1, 2, 9, 2}));
  CHECK(follow("polynomial_decay 0.1 2 9 2 0.03") == follow(mango::polynomial_decay{0.1, 2, 9, 2, 0.03}));
  CHECK(follow("step_decay 0.1 4") == follow(mango::step_decay{0.1, 4}));
  CHECK(follow("step_decay 0.1 4 0.5") == follow(mango::step_decay{0.1, 4, 0.5}));
  CHECK(follow("step_decay 0.1 4 0.5") != follow("step_decay 0.1 4"));
  CHECK(follow("inverse_sqrt 0.5") == follow(mango::inverse_sqrt{0.5}));
  CHECK(follow("inverse_sqrt 0.5") != follow("0.5"));
  std::set<float> ends{follow("0.1"), follow("warmup_cosine 0.1 3 8"), follow("polynomial_decay 0.1 3 8")};
  CHECK(ends.size() == 3);
}

TEST_CASE("optim factory: bytes are known before, masters are bound, refused tensors are not registered") {
  auto opt = make_optimizer("adamw:stores=bf16,half_parameters=kahan");
  const mango::tensor_spec spec{.shape = {8}, .parameter = mango::dtype::bf16}, f32{.shape = {8}};
  auto mastered = spec;
  mastered.master = true;
  CHECK(opt.state_bytes(spec) == 8 * (2 + 2 + 2));
  CHECK(opt.state_bytes(mastered) == 8 * (2 + 2));
  CHECK(opt.state_bytes() == 0);
  auto master = uniform(8, 1), g32 = uniform(8, 2);
  auto p = to_bf16(master), g = to_bf16(g32);
  CHECK(caught([&] { opt.add("w", mastered, p, g); }).code() == errc::size);  // no master
  CHECK(caught([&] { opt.add("w", f32, std::span(master).first(7), g32); }).code() == errc::size);
  CHECK(opt.tensors().size() == 0);
  const auto before = master;
  opt.add("w", mastered, p, g, master);
  CHECK(opt.state_bytes() == 32);
  auto moved = std::move(opt);
  CHECK(moved.step().updated == 1);
  CHECK(!same_bits(master, before));
  CHECK(same_bits(p, to_bf16(master)));
}

TEST_CASE("optim factory: an optimizer can be assigned and moved on, and its views bound again") {
  std::vector<float> p{1.0f}, elsewhere{1.0f}, g{1.0f};
  auto opt = make_optimizer("adamw");
  opt.add("p", {.shape = {1}}, p, g);
  opt = make_optimizer("sgd:learning_rate=0.25");
  CHECK(opt.name() == "sgd");
  CHECK(opt.tensors().size() == 0);
  const auto id = opt.add("p", {.shape = {1}}, p, g);
  opt.step();
  opt.bind(id, elsewhere, g);
  opt.step();
  CHECK(p[0] == 0.75f);
  CHECK(elsewhere[0] == 0.75f);
}
