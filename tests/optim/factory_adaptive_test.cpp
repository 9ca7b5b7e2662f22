// the adaptive family from text: every option of each, and what contradicts what
#include <doctest/doctest.h>

#include "optim/options.hpp"

using namespace optim_test;
using mango::errc, mango::make_optimizer;

namespace {

std::vector<change> with(std::span<const change> some, std::initializer_list<change> more) {
  std::vector<change> all(some.begin(), some.end());
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

const change features[] = {{"orthograd", "yes", ""},
                           {"cautious", "yes", ""},
                           {"grams", "yes", ""},
                           {"nesterov", "yes", ""},
                           {"atan2", "yes", ""},
                           {"simplified", "yes", ""},
                           {"cautious_decay", "yes", "weight_decay=0.5"},
                           {"kourkoutas", "yes", ""},
                           {"alpha_grad", "7", "simplified=yes"},
                           {"b2_min", "0.5", "kourkoutas=yes"},
                           {"slow_alpha", "3", ""},
                           {"slow_b3", "0.5", "slow_alpha=3"},
                           {"slow_alpha_warmup", "3", "slow_alpha=3"},
                           {"slow_b3_warmup", "3", "slow_alpha=3,slow_b3=0.99"}};
const change averages[] = {{"b1", "0.5", ""},          {"b1", "0", ""},           {"b2", "0.5", ""},
                           {"eps", "0.5", ""},         {"stores", "bf16", ""},    {"stores", "kahan", ""},
                           {"stores", "factored", ""}, {"stores", "dynamic8", ""}};
const change distances[] = {
    {"d0", "1e-2", ""},      {"d_coef", "2", ""},       {"growth_rate", "1.01", "d_coef=50"},
    {"slice", "1", ""},      {"freeze_after", "2", ""}, {"safeguard", "yes", "learning_rate=0.5"},
    {"share", "tensor", ""}, {"b3", "0.5", ""}};
const change signs[] = {{"b1", "0.5", "b2=0.5"},
                        {"b2", "0.5", ""},
                        {"stores", "bf16", ""},
                        {"stores", "kahan", ""},
                        {"orthograd", "yes", ""},
                        {"cautious", "yes", "b2=0.5"},
                        {"cautious_decay", "yes", "weight_decay=0.5"}};

void refused(const std::string& line, const char* option) {
  CAPTURE(line);
  check_error(caught([&] { make_optimizer(line); }), errc::config, option);
}

}  // namespace

TEST_CASE("optim factory: every option of adamw changes what happens") {
  auto all = with(features, {{"convention", "hf", "eps=1e-3"}, {"bias_correction", "no", ""}});
  all.insert(all.end(), std::begin(averages), std::end(averages));
  every_option_acts("adamw", all);
}
TEST_CASE("optim factory: every option of adopt changes what happens") {
  auto all = with(features, {{"convention", "adv", "eps=0.5"}});
  all.insert(all.end(), std::begin(averages), std::end(averages));
  every_option_acts("adopt", all);
}
TEST_CASE("optim factory: every option of prodigy changes what happens") {
  auto all = with(features, {{"limiter", "yes", ""}});
  all.insert(all.end(), std::begin(averages), std::end(averages));
  all.insert(all.end(), std::begin(distances), std::end(distances));
  every_option_acts("prodigy", all, 1, "d0=1e-3");
}
TEST_CASE("optim factory: every option of prodigy_lion changes what happens") {
  auto all = with(distances, {{"limiter", "no", "d_coef=50"}, {"b2", "0.5", ""}, {"b1", "0.5", "b2=0.5,d0=1"}});
  for (const auto& c : signs)
    if (std::string(c.option)[0] != 'b') all.push_back(c);
  every_option_acts("prodigy_lion", all, 0.6f, "d0=1e-3");
}
TEST_CASE("optim factory: every option of lion changes what happens") { every_option_acts("lion", signs); }
TEST_CASE("optim factory: every option of ademamix changes what happens") {
  const auto all = with(averages, {{"b3", "0.5", ""},
                                   {"alpha", "7", ""},
                                   {"alpha_warmup", "3", ""},
                                   {"b3_warmup", "3", "b3=0.99"},
                                   {"correct_slow", "yes", ""}});
  every_option_acts("ademamix", all);
}
TEST_CASE("optim factory: every option of simplified_ademamix changes what happens") {
  const std::vector<change> all{{"b1", "0.5", ""},
                                {"b2", "0.5", ""},
                                {"eps", "0.5", ""},
                                {"alpha_grad", "7", ""},
                                {"b1_warmup", "3", ""},
                                {"b1_min", "0.5", "b1_warmup=3"},
                                {"bias_correction", "no", ""},
                                {"stores", "bf16", ""},
                                {"stores", "kahan", ""},
                                {"orthograd", "yes", ""},
                                {"cautious_decay", "yes", "weight_decay=0.5"},
                                {"kourkoutas", "yes", ""},
                                {"b2_min", "0.5", "kourkoutas=yes"}};
  every_option_acts("simplified_ademamix", all);
}

TEST_CASE("optim factory: every option of schedule_free changes what happens") {
  const std::vector<change> all{{"b1", "0.5", ""},
                                {"b2", "0.5", ""},
                                {"eps", "0.5", ""},
                                {"r", "2", ""},
                                {"stores", "bf16", ""},
                                {"stores", "factored", ""},
                                {"power", "1", "learning_rate=warmup_cosine 0.1 3 8"}};
  every_option_acts("schedule_free", all);
}

TEST_CASE("optim factory: features that contradict each other are one error each") {
  for (const std::string kind : {"adamw", "adopt", "prodigy"}) {
    refused(kind + ":cautious=yes,grams=yes", "grams");
    for (const char* edit : {"cautious", "grams", "nesterov", "atan2"})
      refused(kind + ":simplified=yes," + edit + "=yes", "simplified");
    refused(kind + ":simplified=yes,slow_alpha=2", "simplified");
    for (const char* edit : {"cautious", "grams", "nesterov", "simplified"})
      refused(kind + ":b1=0," + edit + "=yes", "b1");
    refused(kind + ":atan2=yes,eps=0.5", "eps");
    refused(kind + ":eps=0", "eps");
    CHECK(make_optimizer(kind + ":atan2=yes,eps=0").name() == kind);  // it divides by nothing
    refused(kind + ":alpha_grad=5", "alpha_grad");
    refused(kind + ":b2_min=0.5", "b2_min");
    refused(kind + ":slow_b3=0.5", "slow_b3");
    refused(kind + ":slow_alpha_warmup=5", "slow_alpha_warmup");
    refused(kind + ":slow_b3_warmup=5", "slow_b3_warmup");
    refused(kind + ":cautious=yes,stores=nf4", "stores");
  }
  refused("adamw:convention=hf,grams=yes", "convention");
  refused("lion:b1=0,cautious=yes", "b1");
  refused("simplified_ademamix:b1=0", "b1");
  refused("simplified_ademamix:b2_min=0.5", "b2_min");
  refused("simplified_ademamix:b1_min=0.5", "b1_min");
  refused("simplified_ademamix:b1=0.8,b1_warmup=5", "b1_min");  // 0.9 is above
  refused("adamw:b2=0.5,kourkoutas=yes", "b2_min");
}

TEST_CASE("optim factory: groups that share one d have one learning rate") {
  auto shared = make_optimizer("prodigy"), apart = make_optimizer("prodigy:share=group"),
       lion = make_optimizer("prodigy_lion");
  const auto e = caught([&] { shared.group({}, {{"learning_rate", "0.5"}}); });
  check_error(e, errc::config, "learning_rate");
  check_error(caught([&] { lion.group({}, {{"learning_rate", "0.5"}}); }), errc::config, "learning_rate");
  check_error(caught([&] { shared.group({}, {{"share", "group"}}); }), errc::config, "share");
  CHECK(shared.group({}, {{"weight_decay", "0.5"}}) == 1);
  CHECK(apart.group({}, {{"learning_rate", "0.5"}}) == 1);
}

TEST_CASE("optim factory: the weights to evaluate are the trained ones, but for schedule_free") {
  for (const auto& kind : mango::optimizer_kinds()) {
    CAPTURE(std::string(kind.name));
    auto opt = make_optimizer(kind.name);
    auto p = uniform(33, 1), g = uniform(33, 2), out = p;
    const auto id = opt.add("w", {.shape = {33}}, p, g);
    for (int k = 0; k < 3; ++k) opt.step();
    const auto trained = p;
    opt.evaluation_weights(id, p, out);
    CHECK(same_bits(p, trained));
    CHECK(same_bits(out, p) == (kind.name != std::string_view("schedule_free")));
    check_error(caught([&] { opt.evaluation_weights(id, p, std::span(out).first(32)); }), errc::size, "w");
  }
}
