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
  CHECK(golden.tensors == 6);
  CHECK(golden.setting("weight_decay") == weight_decay);
  mango::adamw opt{{.learning_rate = golden.setting("lr"), .weight_decay = golden.setting("weight_decay")}};
  golden.replay(opt, [&](const auto& tensor, const auto& key, const auto& p, const auto&) {
    CHECK(distance(p, golden.at("p " + key), 0.01) < 1e-6);
    CHECK(distance(floats_of(opt, tensor, "m"), golden.state(key + " exp_avg"), 0.01) < 2e-6);  // passes through zero
    CHECK(distance(floats_of(opt, tensor, "v"), golden.state(key + " exp_avg_sq"), 1e-12) < 1e-6);
    CHECK(static_cast<double>(opt.updates(opt.find(tensor))) == golden.state(key + " step")[0]);
  });
}

}  // namespace

TEST_CASE("optim golden: AdamW reproduces torch.optim.AdamW, parameters and state, with decay") {
  reproduce("torch_adamw.txt", 0.1);
}

TEST_CASE("optim golden: AdamW reproduces torch.optim.AdamW, parameters and state, without decay") {
  reproduce("torch_adamw_nowd.txt", 0.0);
}

TEST_CASE("optim golden: Lion reproduces adv_optm's Lion_adv, parameters and state") {
  const recording golden("adaptive/lion_1.0.6_dense_none.txt");
  CHECK(golden.tensors == 6);
  mango::lion opt{{.learning_rate = golden.setting("lr")}};
  golden.replay(opt, [&](const auto& tensor, const auto& key, const auto& p, const auto& start) {
    CHECK(golden.agrees(key, p, start));
    CHECK(distance(floats_of(opt, tensor, "m"), golden.state(key + " exp_avg"), 0.01) < 2e-6);
  });
}
