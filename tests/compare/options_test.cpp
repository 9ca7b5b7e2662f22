#include <doctest/doctest.h>

#include <array>
#include <stdexcept>

#include "compare/options.hpp"
#include "compare/spec.hpp"
#include "has.hpp"

using namespace compare;

namespace {

const std::array<std::string, 3> names{"adamw", "lion", "sgd"};

parsed parse_words(std::vector<std::string> words) { return parse(std::move(words), names); }

std::string refusal(std::vector<std::string> words) {
  const parsed p = parse_words(std::move(words));
  CHECK_FALSE(p.run.has_value());
  CHECK(p.exit_code == 2);
  CHECK(p.text.find('\n') == std::string::npos);
  return p.text;
}

}  // namespace

TEST_CASE("options: features make variants of the optimizers that can have them") {
  const auto specs = [](std::vector<std::string> features) {
    std::vector<std::string> words{"--optimizers", "adamw:b2=0.99", "sgd", "lion", "--features"};
    words.insert(words.end(), features.begin(), features.end());
    return parse_words(words).run->optimizers;
  };
  CHECK(specs({"grams", "cautious"}) == std::vector<std::string>{"adamw:b2=0.99", "adamw:b2=0.99,cautious=yes",
                                                                 "adamw:b2=0.99,grams=yes", "sgd", "lion",
                                                                 "lion:cautious=yes"});
  CHECK(specs({"all"}).size() == 3 + 9 + 3);
  CHECK(specs({"all", "grams"}) == specs({"all"}));
  CHECK(has(refusal({"--features", "hope"}), "unknown feature 'hope'"));
  CHECK(has(refusal({"--optimizers", "sgd", "--features", "grams"}), "none of these optimizers"));
  CHECK(has(refusal({"--demo", "--features", "grams"}), "--features"));
}

TEST_CASE("options: every setting arrives") {
  const auto p = parse_words({"--model",
                              "gpt",
                              "--optimizers",
                              "adamw",
                              "sgd:momentum=0.9,nesterov=1",
                              "--data",
                              "x.txt",
                              "--seeds",
                              "7,11",
                              "--steps",
                              "30",
                              "--batch",
                              "16",
                              "--learning-rate",
                              "2e-3",
                              "--schedule",
                              "constant",
                              "--warmup",
                              "0.1",
                              "--clip-norm",
                              "0",
                              "--evaluations",
                              "3",
                              "--threads",
                              "2",
                              "--output",
                              "o",
                              "--quiet"});
  REQUIRE(p.run.has_value());
  const options& o = *p.run;
  CHECK(o.model == "gpt");
  CHECK(o.optimizers == std::vector<std::string>{"adamw", "sgd:momentum=0.9,nesterov=1"});
  CHECK(o.data == "x.txt");
  CHECK(o.seeds == std::vector<std::uint64_t>{7, 11});
  CHECK(o.steps == 30);
  CHECK(o.batch == 16);
  CHECK(o.learning_rate == 2e-3);
  CHECK(o.schedule == "constant");
  CHECK(o.warmup == 0.1);
  CHECK(o.clip_norm == 0.0);
  CHECK(o.evaluations == 3);
  CHECK(o.threads == 2);
  CHECK(o.output == "o");
  CHECK(o.quiet);
}

TEST_CASE("options: 'all' stands for every name, once") {
  const auto p = parse_words({"--optimizers", "sgd", "all", "adamw:b2=0.9"});
  REQUIRE(p.run.has_value());
  CHECK(p.run->optimizers == std::vector<std::string>{"sgd", "adamw", "lion", "adamw:b2=0.9"});
  const auto demo = parse_words({"--demo"});
  REQUIRE(demo.run.has_value());
  CHECK(demo.run->optimizers == std::vector<std::string>{"adamw", "adamw:stores=bf16", "adamw:stores=kahan",
                                                         "adamw:stores=dynamic8", "adamw:stores=nf4",
                                                         "adamw:stores=factored", "lion", "sgd", "sgd:momentum=0.9"});
}

TEST_CASE("options: what is wrong is one sentence with what exists") {
  CHECK(refusal({"--optimizers", "adamm"}) == "unknown optimizer 'adamm'; there are adamw, lion, sgd, and 'all'");
  CHECK(
      has(refusal({"--what"}), "unknown option '--what'; there are --help, --model, --optimizers, --features, --data"));
  CHECK(has(refusal({"stray"}), "'stray'"));
  CHECK(has(refusal({"--model", "resnet"}), "mlp,convnet,gpt"));
  CHECK(has(refusal({"--steps", "0"}), "--steps: wants a whole number above zero, not '0'"));
  CHECK(has(refusal({"--steps", "1.5"}), "--steps"));
  CHECK(has(refusal({"--epochs", "3", "--steps", "3"}), "--epochs"));
  CHECK(has(refusal({"--warmup", "1"}), "between 0 and 0.9"));
  CHECK(has(refusal({"--learning-rate", "nan"}), "--learning-rate"));
  CHECK(refusal({"--demo", "--epochs", "3"}) == "--demo fixes --epochs; leave one of the two out");
  CHECK(has(refusal({"--seeds", "1,x"}), "1,x"));
}

TEST_CASE("options: --help is no error and shows examples") {
  const auto p = parse_words({"--help"});
  CHECK_FALSE(p.run.has_value());
  CHECK(p.exit_code == 0);
  CHECK(has(p.text, "--optimizers"));
  CHECK(has(p.text, "mango-compare --demo"));
}

TEST_CASE("specs: name, options, and what is put in front of them") {
  CHECK(name_in("sgd") == "sgd");
  CHECK(name_in("sgd:momentum=0.9") == "sgd");
  CHECK(option_in("a:x=1,learning_rate=2e-3,y=3", "learning_rate") == "2e-3");
  CHECK_FALSE(option_in("a:xx=1", "x").has_value());
  CHECK_FALSE(option_in("a", "x").has_value());
  CHECK(rate_in("a:x=1,learning_rate=2e-3") == 2e-3);
  CHECK_FALSE(rate_in("a:x=1").has_value());
  for (const char* wrong : {"a:learning_rate=", "a:learning_rate=x", "a:learning_rate=-1", "a:learning_rate=1e-3x"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(rate_in(wrong), std::invalid_argument);
  }
  CHECK(completed("sgd", 0.1, 7) == "sgd:learning_rate=0.1,seed=7");
  CHECK(completed("adamw:stores=bf16,seed=3", 1e-3, 7) == "adamw:stores=bf16,seed=3,learning_rate=0.001");
  CHECK(completed("sgd:learning_rate=0.2", 0.1, 7) == "sgd:learning_rate=0.2,seed=7");
}

TEST_CASE("seeds: a count or a list") {
  CHECK(parse_seeds("3") == std::vector<std::uint64_t>{1, 2, 3});
  CHECK(parse_seeds("7,11") == std::vector<std::uint64_t>{7, 11});
  CHECK(parse_seeds("7,") == std::vector<std::uint64_t>{7});
  for (const char* wrong : {"", ",", "-1", "x", "1,,2", "0", "1001", "1 2"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(parse_seeds(wrong), std::invalid_argument);
  }
}

TEST_CASE("the command that repeats a run parses back to the same options") {
  const std::vector<std::string> words{"--model", "convnet",  "--optimizers", "adamw:b2=0.99", "lion", "--seeds",
                                       "5,",      "--epochs", "2.5",          "--clip-norm",   "1",    "--threads",
                                       "2"};
  const auto first = parse_words(words);
  REQUIRE(first.run.has_value());
  const std::string command = command_line(*first.run, "mango-compare");
  std::vector<std::string> again;
  for (std::size_t at = command.find(' '); at != std::string::npos;) {
    const auto next = command.find(' ', at + 1);
    again.push_back(command.substr(at + 1, next == std::string::npos ? next : next - at - 1));
    at = next;
  }
  const auto second = parse_words(again);
  REQUIRE_MESSAGE(second.run.has_value(), second.text);
  CHECK(command_line(*second.run, "mango-compare") == command);
  CHECK(second.run->seeds == std::vector<std::uint64_t>{5});
  CHECK(second.run->clip_norm == 1.0);
}
