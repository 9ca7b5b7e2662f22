// optimizers that multiply matrices, by name: what they can be told, and what is refused
#include <doctest/doctest.h>

#include <string>

#include "factory/by_name.hpp"
#include "support/random.hpp"

namespace {

std::string refusal(const std::string& line) {
  try {
    factory::make(line);
  } catch (const mango::error& e) {
    return e.what();
  }
  return "";
}
bool has(const std::string& sentence, const char* word) { return sentence.find(word) != std::string::npos; }

}  // namespace

TEST_CASE("projected factory: every line that is listed makes an optimizer of its name, which learns") {
  int seen = 0;
  for (const std::string& line : factory::lines()) {
    const bool random = line.starts_with("vlorp") || line.starts_with("projfactor");
    if (!random && !line.starts_with("galore")) continue;
    ++seen;
    CAPTURE(line);
    auto opt = factory::make(line + (line.find(':') == line.npos ? ":" : ",") +
                             (random ? "granularity=3,rank=4,resample_every=5" : "rank=4,refresh_every=5"));
    CHECK(line.starts_with(opt.name()));
    const auto target = support::normals(40 * 30, 1);
    std::vector<float> w(target.size()), g(target.size());
    const auto id = opt.add("w", {.shape = {40, 30}}, w, g);
    CHECK(opt.tensors().projected(id).rank == 4);
    CHECK(opt.state_bytes() == opt.state_bytes({.shape = {40, 30}}));
    const auto distance = [&] {
      double sum = 0;
      for (std::size_t i = 0; i < w.size(); ++i) sum += static_cast<double>((w[i] - target[i]) * (w[i] - target[i]));
      return sum;
    };
    const double before = distance();
    for (int t = 0; t < 300; ++t) {
      for (std::size_t i = 0; i < w.size(); ++i) g[i] = w[i] - target[i];
      opt.step({.learning_rate = 0.1});
    }
    CHECK(distance() < 0.2 * before);
  }
  CHECK(seen == 12);
}

TEST_CASE("projected factory: options that do not exist or are out of range are named") {
  CHECK(has(refusal("galore:rank=0"), "rank is 0 but must be in [1, "));
  CHECK(has(refusal("galore:rank=many"), "rank is 'many' but must be an integer"));
  CHECK(has(refusal("galore:side=up"), "side is 'up' but must be std, reverse_std, left or right"));
  CHECK(has(refusal("galore:transport=copy"), "transport is 'copy' but must be rotate, none or reset"));
  CHECK(has(refusal("galore:stores=factored"), "stores is 'factored' but must be fp32, bf16, dynamic8 or nf4"));
  CHECK(has(refusal("galore:ranks=3"), "no option is called 'ranks'"));
  CHECK(has(refusal("projfactor:budget=8,rank=3"), "budget is 8, which is not granularity times rank, 6"));
  CHECK(has(refusal("vlorp:side=left"), "no option is called 'side'"));
  CHECK(has(refusal("galor"), "no optimizer is called 'galor'"));
}

TEST_CASE("projected factory: groups change the rank, and rank 1 of a vector's group is AdamW's") {
  auto opt = factory::make("galore:rank=8");
  opt.group({.names = "head.*"}, {{"rank", "2"}});
  std::vector<float> a(600), b(600), g(600);
  CHECK(opt.tensors().projected(opt.add("body", {.shape = {20, 30}}, a, g)).rank == 8);
  CHECK(opt.tensors().projected(opt.add("head.w", {.shape = {20, 30}}, b, g)).rank == 2);
}
