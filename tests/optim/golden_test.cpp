// optimizers against what others really computed: parameters and state after every step, read from files
#include <doctest/doctest.h>

#include "mango/optim/adamw.hpp"
#include "mango/optim/lion.hpp"
#include "optim/recording.hpp"
#include "optim/snapshot.hpp"

using namespace optim_test;

namespace {

void reproduce(const std::string& name, double weight_decay) {
  const recording golden(name);
  CHECK(golden.steps == 4);
  CHECK(golden.tensors == 6);
  CHECK(golden.setting("weight_decay") == weight_decay);
  mango::adamw opt{{.learning_rate = golden.setting("lr"), .weight_decay = golden.setting("weight_decay")}};
  auto p = golden.add_all(opt);
  for (int s = 1; s <= golden.steps; ++s) {
    const auto step = opt.begin_step();
    for (std::size_t i = 0; i < p.size(); ++i) {
      const auto tensor = std::to_string(i), key = std::to_string(s) + " " + tensor;
      CAPTURE(key);
      step.update(opt.find(tensor), p[i], golden.floats("g " + key));
      CHECK(distance(p[i], golden.at("p " + key), 0.01) < 1e-6);
      CHECK(distance(floats_of(opt, tensor, "m"), golden.state(key + " exp_avg"), 0.01) < 2e-6);  // passes through zero
      CHECK(distance(floats_of(opt, tensor, "v"), golden.state(key + " exp_avg_sq"), 1e-12) < 1e-6);
      CHECK(static_cast<double>(opt.updates(opt.find(tensor))) == golden.state(key + " step")[0]);
    }
  }
}

}  // namespace

TEST_CASE("optim golden: AdamW reproduces torch.optim.AdamW, parameters and state, with decay") {
  reproduce("torch_adamw.txt", 0.1);
}

TEST_CASE("optim golden: AdamW reproduces torch.optim.AdamW, parameters and state, without decay") {
  reproduce("torch_adamw_nowd.txt", 0.0);
}

TEST_CASE("optim golden: Lion reproduces adv_optm's Lion_adv, parameters and state") {
  const recording golden("lion.txt");
  CHECK(golden.steps == 4);
  CHECK(golden.tensors == 6);
  mango::lion opt{{.learning_rate = golden.setting("lr")}};
  auto p = golden.add_all(opt);
  auto start = p;
  for (int s = 1; s <= golden.steps; ++s) {
    const auto step = opt.begin_step();
    for (std::size_t i = 0; i < p.size(); ++i) {
      const auto tensor = std::to_string(i), key = std::to_string(s) + " " + tensor;
      CAPTURE(key);
      step.update(opt.find(tensor), p[i], golden.floats("g " + key));
      const auto& expected = golden.at("p " + key);
      double largest = 0;
      for (const double x : expected) largest = std::max(largest, std::abs(x));
      for (std::size_t j = 0; j < expected.size(); ++j) {
        const double moved = std::abs(expected[j] - static_cast<double>(start[i][j]));
        CHECK(std::abs(static_cast<double>(p[i][j]) - expected[j]) <= 0x1p-22 * largest + 2e-5 * moved);
      }
      CHECK(distance(floats_of(opt, tensor, "m"), golden.state(key + " exp_avg"), 0.01) < 2e-6);
    }
  }
}
