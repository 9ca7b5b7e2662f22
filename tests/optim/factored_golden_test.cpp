// factored optimizers against what the published code really computed: parameters and factors after every step
#include <doctest/doctest.h>

#include "mango/optim/adamw.hpp"
#include "mango/optim/smmf.hpp"
#include "optim/factored.hpp"
#include "optim/recording.hpp"

using namespace optim_test;
using mango::factored, mango::stores, mango::zeros;
using as_published = factored<zeros::reference>;
using both = stores<as_published, as_published>;

namespace {

// names that a recording gives to the factors of a slot
struct factor_names {
  const char *slot, *rows, *columns;
};
constexpr factor_names smmf_names[] = {{"m", "momentum_m.0", "momentum_m.1"}, {"v", "momentum_v.0", "momentum_v.1"}};
constexpr factor_names adamw_names[] = {{"m", "mu_m_nmf", "mv_m_nmf"}, {"v", "mu_v_nmf", "mv_v_nmf"}};

template <class Optimizer> void reproduce(const recording& golden, Optimizer opt, std::span<const factor_names> names) {
  CHECK(golden.tensors == 6);
  const bool decays = golden.setting_or("weight_decay", 0) != 0;  // there p is rounded once more in every step
  int factors = 0;
  golden.replay(opt, [&](const auto& tensor, const auto& key, const auto& p, const auto& start) {
    CHECK(golden.agrees(key, p, start, decays ? std::stoi(key) + 1 : 1));
    for (const auto& n : names) {
      const auto rows = floats_of(opt, tensor, n.slot, "rows");
      if (rows.empty()) continue;  // few numbers, kept in fp32
      CHECK(distance(rows, golden.state(key + " " + n.rows), 1e-6) < 1e-5);
      CHECK(distance(floats_of(opt, tensor, n.slot, "columns"), golden.state(key + " " + n.columns), 1e-6) < 1e-5);
      ++factors;
    }
  });
  CHECK(factors == golden.steps * 4 * static_cast<int>(names.size()));
}

void reproduce_smmf(const std::string& name) {
  const recording golden(name);
  const mango::smmf_config c{.learning_rate = golden.setting("lr"),
                             .weight_decay = golden.setting_or("weight_decay", 0),
                             .decay_rate = golden.setting_or("decay_rate", -0.5)};
  reproduce(golden, mango::smmf<both>{c}, smmf_names);
}

void reproduce_adamw(const std::string& name) {
  const recording golden(name);
  const mango::adamw_config c{.learning_rate = golden.setting("lr"),
                              .weight_decay = golden.setting_or("weight_decay", 0),
                              .bias_correction = !golden.settings.contains("use_bias_correction")};
  reproduce(golden, mango::adamw<both>{c}, adamw_names);
}

}  // namespace

TEST_CASE("optim factored golden: SMMF reproduces its published code") { reproduce_smmf("smmf_default.txt"); }
TEST_CASE("optim factored golden: ... with decay_rate = -0.8") { reproduce_smmf("smmf_decay08.txt"); }
TEST_CASE("optim factored golden: ... with weight decay") { reproduce_smmf("smmf_wd.txt"); }
TEST_CASE("optim factored golden: ... when the first gradient is zero") { reproduce_smmf("smmf_zero1.txt"); }
TEST_CASE("optim factored golden: ... when a column's gradients are zero") { reproduce_smmf("smmf_zerocol.txt"); }
TEST_CASE("optim factored golden: ... without momentum") {
  const recording golden("smmf_beta_none.txt");
  mango::smmf<stores<factored<>>> opt{{.learning_rate = golden.setting("lr"), .beta = 0}};
  reproduce(golden, std::move(opt), std::span(smmf_names).subspan(1));
}
TEST_CASE("optim factored golden: AdamW reproduces adv_optm's") {
  reproduce_adamw("adaptive/adamw_1.0.6_fac_none.txt");
}
TEST_CASE("optim factored golden: ... with vectors kept apart, in fp32") {
  recording all("smmf_vectors_apart.txt"), vectors = all;
  for (int i = 0; i < all.tensors; ++i) {
    index_t axes = 0;
    for (index_t k = 0; k < all.shape(i).dimensions(); ++k) axes += all.shape(i)[static_cast<int>(k)] > 1;
    (axes > 1 ? vectors : all).without.insert(i);
  }
  CHECK(std::ssize(vectors.chosen()) > 0);
  CHECK(std::ssize(all.chosen()) > 0);
  const mango::smmf_config c{.learning_rate = all.setting("lr")};
  const auto follow = [](const recording& golden, auto opt) {
    golden.replay(opt, [&](const auto&, const auto& key, const auto& p, const auto& start) {
      CHECK(golden.agrees(key, p, start));
    });
  };
  follow(all, mango::smmf<both>{c});
  follow(vectors, mango::smmf<stores<mango::fp32, mango::fp32>>{c});
}
TEST_CASE("optim factored golden: AdamW without bias correction") {
  const recording golden("adaptive/adamw_1.0.6_fac_nobc.txt");
  CHECK(golden.settings.at("use_bias_correction") == "False");
  reproduce_adamw("adaptive/adamw_1.0.6_fac_nobc.txt");
}
TEST_CASE("optim factored golden: AdamW with weight decay") { reproduce_adamw("adaptive/adamw_1.0.6_fac_wd.txt"); }
