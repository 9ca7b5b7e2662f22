// optimizers from text: every way to get a value wrong
#include <doctest/doctest.h>

#include "factory/host_factory.hpp"
#include "optim/caught.hpp"

using namespace optim_test;
using mango::errc, mango::make_optimizer;

TEST_CASE("optim factory: values that are not exactly a value are refused, naming option and value") {
  const auto refuses = [](std::string_view kind, const char* option, const char* value) {
    CAPTURE(std::string(value));
    const auto e = caught([&] { make_optimizer(kind, {{option, value}}); });
    check_error(e, errc::config, option);
    CHECK(contains(e.what(), "must be"));
    if (std::string_view(option) != "learning_rate") CHECK(contains(e.what(), value));  // there, the word that is wrong
  };
  for (const char* value : {"", "x", "0.5x", " 0.5", "0.5 ", "+0.5", "0,5", "1e400", "0x1", "--1", "1e", "."})
    refuses("adamw", "b1", value);
  for (const char* value : {"yes please", "Yes", "2", "", "-1"}) refuses("sgd", "nesterov", value);
  for (const char* value : {"-1", "1.5", "18446744073709551616", "", "1e3"}) refuses("adamw", "seed", value);
  for (const char* value : {"Torch", "pytorch", ""}) refuses("adam", "convention", value);
  for (const char* value : {"ignore", "", "RAISE"}) refuses("adam", "on_nonfinite", value);
  for (const char* value : {"up", ""}) refuses("adam", "half_parameters", value);
  for (const char* value : {"int8", "fp8", "", "fp32,fp32"}) refuses("adamw", "stores", value);
  for (const char* value :
       {"warmup_cosine", "warmup_cosine ", "warmup_cosine 1", "warmup_cosine 1 2", "warmup_cosine 1 2 3 4 5",
        "warmup_cosine  1 2 3", "warmup_cosine 1 2 3 ", "cosine 1 2 3", "warmup_cosine 1 2 x", "polynomial_decay 1 2",
        "polynomial_decay 1 2 3 4 5 6", "step_decay 1", "step_decay 1 2 3 4", "inverse_sqrt 1 2", "inverse_sqrt ",
        "warmup_cosine 1 2 nan", "warmup_cosine 1 1e300 2"})
    refuses("sgd", "learning_rate", value);
}

TEST_CASE("optim factory: steps of a schedule are whole numbers") {
  for (const char* value : {"warmup_cosine 0.1 10.5 100", "warmup_cosine 0.1 10 99.5", "polynomial_decay 0.1 0.5 9",
                            "step_decay 0.1 2.5"}) {
    CAPTURE(std::string(value));
    check_error(caught([&] { make_optimizer("sgd", {{"learning_rate", value}}); }), errc::config, "learning_rate");
  }
}

TEST_CASE("optim factory: values outside their range, and options that would mean nothing, are refused") {
  const auto refuses = [](std::string_view line, const char* field) {
    CAPTURE(std::string(line));
    check_error(caught([&] { make_optimizer(line); }), errc::config, field);
  };
  refuses("adamw:b1=1", "b1");
  refuses("adamw:b2=nan", "b2");
  refuses("adamw:eps=0", "eps");
  refuses("adam:weight_decay=-1", "weight_decay");
  refuses("adam:max_norm=inf", "max_norm");
  refuses("sgd:learning_rate=-1", "learning_rate.peak");
  refuses("sgd:momentum=1", "momentum");
  refuses("sgd:nesterov=yes", "nesterov");
  refuses("sgd:dampening=0.5", "dampening");
  refuses("sgd:stores=bf16", "stores");
  refuses("adafactor:b1=0.9,stores=bf16", "stores");
  refuses("adafactor:clip_rms=-1", "clip_rms");
  refuses("adamw:b1", "b1");
  refuses("adamw:b1=0.5,,", "");
  check_error(caught([] { make_optimizer("adamw:=0.5"); }), errc::unknown_name, "");
  check_error(caught([] { make_optimizer("adamw:b3=0.5"); }), errc::unknown_name, "b3");
  check_error(caught([] { make_optimizer("sgd:b1=0.5"); }), errc::unknown_name, "b1");
  check_error(caught([] { make_optimizer(""); }), errc::unknown_name, "");
}

TEST_CASE("optim factory: an option that is given twice is refused, whichever values it has") {
  for (const char* line : {"adamw:b1=0.5,b1=0.6", "adamw:b1=0.5,eps=1e-6,b1=0.5", "sgd:stores=fp32,stores=fp32"}) {
    CAPTURE(std::string(line));
    const auto e = caught([&] { make_optimizer(line); });
    check_error(e, errc::config, std::string_view(line).starts_with("sgd") ? "stores" : "b1");
    CHECK(contains(e.what(), "twice"));
  }
  auto opt = make_optimizer("adamw");
  check_error(caught([&] { opt.group({}, {{"b2", "0.9"}, {"b2", "0.8"}}); }), errc::config, "b2");
}
