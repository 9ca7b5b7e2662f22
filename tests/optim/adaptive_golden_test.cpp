// the adaptive family against what the published code really computed: one test for every recording there is
#include <doctest/doctest.h>

#include <filesystem>

#include "mango/optim/adamw.hpp"
#include "mango/optim/ademamix.hpp"
#include "mango/optim/adopt.hpp"
#include "mango/optim/prodigy.hpp"
#include "mango/optim/prodigy_lion.hpp"
#include "mango/optim/simplified_ademamix.hpp"
#include "mango/store/factored.hpp"
#include "optim/recording.hpp"

using namespace optim_test;
using mango::factored, mango::fp32, mango::host, mango::stores, mango::zeros;

namespace {

// follows a recording to the end, parameters after every step, and d where it has one
template <class Optimizer> void follow(const recording& golden, Optimizer opt, int roundings = 1) {
  golden.replay(opt, [&](const auto& tensor, const auto& key, const auto& p, const auto& start) {
    CHECK(golden.agrees(key, p, start, roundings));
    const auto step = key.substr(0, key.find(' '));
    const auto d = golden.numbers.find("scalar " + step + " d");
    if (d == golden.numbers.end() || tensor != std::to_string(golden.tensors - 1)) return;
    (void)opt.begin_step();  // learns from the step before
    for (const auto& part : opt.state(opt.find(tensor)))
      if (std::string(part.part) == "d") {
        double learned;
        std::memcpy(&learned, part.bytes.data(), sizeof learned);
        CHECK(learned == doctest::Approx(d->second[0]).epsilon(1e-5));
      }
  });
}

mango::direction_features features_of(const recording& golden) {
  const bool slow = golden.is_on("use_AdEMAMix");
  return {.orthograd = golden.is_on("orthogonal_gradient"),
          .cautious = golden.is_on("cautious_mask"),
          .grams = golden.is_on("grams_moment"),
          .atan2 = golden.is_on("use_atan2"),
          .simplified = golden.is_on("Simplified_AdEMAMix"),
          .kourkoutas = golden.is_on("kourkoutas_beta"),
          .alpha_grad = golden.is_on("Simplified_AdEMAMix") ? golden.setting_or("alpha_grad", 100) : 100,
          .b2_min = golden.setting_or("beta2_min", 0.9),
          .slow_alpha = slow ? golden.setting_or("alpha", 5) : 0,
          .slow_b3 = slow ? golden.setting_or("beta3_ema", 0.9999) : 0.9999,
          .slow_alpha_warmup = static_cast<std::int64_t>(golden.setting_or("t_alpha", 0))};
}
mango::distance_options distance_of(const recording& golden) {
  return {.d0 = golden.setting_or("d0", 1e-6),
          .d_coef = golden.setting_or("d_coef", 1),
          .growth_rate = std::min(golden.setting_or("growth_rate", 1e30), 1e30),
          .slice = static_cast<std::int64_t>(golden.setting_or("slice_p", 11)),
          .freeze_after = static_cast<std::int64_t>(golden.setting_or("prodigy_steps", 0)),
          .safeguard = golden.is_on("safeguard_warmup"),
          .limiter = golden.is_on("d_limiter")};
}

// f(stores) for as many slots, factored as the recording is
template <int Slots, class F> void with_stores_of(const recording& golden, F f) {
  const auto same = [&]<class S>() {
    if constexpr (Slots == 1) f.template operator()<stores<S>>();
    else if constexpr (Slots == 2) f.template operator()<stores<S, S>>();
    else f.template operator()<stores<S, S, S>>();
  };
  if (golden.is_on("nnmf_factor")) same.template operator()<factored<zeros::reference>>();
  else same.template operator()<fp32>();
}

// an optimizer of Adam's kind, with a slow average or without momentum where the recording has none
template <template <class, class, class> class Product, class Config>
void follow_direction(const recording& golden, const Config& c, int roundings) {
  const auto run = [&]<class Stores>() { follow(golden, Product<Stores, host, mango::featured>{c}, roundings); };
  if (c.features.slow_alpha > 0) with_stores_of<3>(golden, run);
  else if (c.b1 == 0) with_stores_of<1>(golden, run);
  else with_stores_of<2>(golden, run);
}

void follow_adam(const recording& golden, int roundings) {
  const mango::adamw_config c{
      .learning_rate = golden.setting_or("lr", 1e-3),
      .b1 = golden.element_or("betas", 0, 0.9),
      .b2 = golden.element_or("betas", 1, 0.999),
      .eps = golden.setting_or("eps", 1e-8),
      .weight_decay = golden.setting_or("weight_decay", 0),
      .bias_correction = golden.settings.count("use_bias_correction") == 0 || golden.is_on("use_bias_correction"),
      .features = features_of(golden)};
  follow_direction<mango::adamw>(golden, c, roundings);
}
void follow_adopt(const recording& golden, int roundings) {
  const bool official = golden.optimizer != "Adopt_adv";
  const mango::adopt_config c{.learning_rate = golden.setting_or("lr", 1e-4),
                              .b1 = golden.element_or("betas", 0, 0.9),
                              .b2 = golden.element_or("betas", 1, 0.9999),
                              .eps = golden.setting_or("eps", 1e-6),
                              .weight_decay = golden.setting_or("weight_decay", 0),
                              .convention = official ? mango::adopt_convention::official : mango::adopt_convention::adv,
                              .features = features_of(golden)};
  follow_direction<mango::adopt>(golden, c, roundings);
}
void follow_prodigy(const recording& golden, int roundings) {
  mango::prodigy_config c{.learning_rate = golden.setting_or("lr", 1),
                          .b1 = golden.element_or("betas", 0, 0.9),
                          .b2 = golden.element_or("betas", 1, 0.999),
                          .eps = golden.setting_or("eps", 1e-8),
                          .weight_decay = golden.setting_or("weight_decay", 0),
                          .distance = distance_of(golden),
                          .features = features_of(golden)};
  if (golden.optimizer != "Prodigy_adv") c.distance.slice = 1;
  follow_direction<mango::prodigy>(golden, c, roundings);
}
void follow_simplified(const recording& golden, int roundings) {
  const mango::simplified_ademamix_config c{
      .learning_rate = golden.setting_or("lr", 1e-5),
      .b1 = golden.element_or("betas", 0, 0.99),
      .b2 = golden.element_or("betas", 1, 0.999),
      .eps = golden.setting_or("eps", 1e-8),
      .alpha_grad = golden.setting_or("alpha_grad", 100),
      .b1_min = golden.setting_or("min_beta1", 0.9),
      .b1_warmup = static_cast<std::int64_t>(golden.setting_or("beta1_warmup", 0)),
      .weight_decay = golden.setting_or("weight_decay", 0),
      .bias_correction = golden.settings.count("use_bias_correction") == 0 || golden.is_on("use_bias_correction"),
      .orthograd = golden.is_on("orthogonal_gradient"),
      .kourkoutas = golden.is_on("kourkoutas_beta")};
  with_stores_of<2>(golden, [&]<class Stores>() {
    follow(golden, mango::simplified_ademamix<Stores, host, mango::featured>{c}, roundings);
  });
}
template <template <class, class, class> class Product, class Config>
void follow_lion(const recording& golden, Config c, int roundings) {
  c.b1 = golden.element_or("betas", 0, 0.9);
  c.b2 = golden.element_or("betas", 1, 0.99);
  c.weight_decay = golden.setting_or("weight_decay", 0);
  c.orthograd = golden.is_on("orthogonal_gradient");
  c.cautious = golden.is_on("cautious_mask");
  with_stores_of<1>(golden,
                    [&]<class Stores>() { follow(golden, Product<Stores, host, mango::featured>{c}, roundings); });
}
void follow_ademamix(const recording& golden, int roundings) {
  follow(golden,
         mango::ademamix<>{{.learning_rate = golden.setting_or("lr", 1e-3),
                            .b1 = golden.element_or("betas", 0, 0.9),
                            .b2 = golden.element_or("betas", 1, 0.999),
                            .b3 = golden.element_or("betas", 2, 0.9999),
                            .alpha = golden.setting_or("alpha", 2),
                            .alpha_warmup = static_cast<std::int64_t>(golden.setting_or("alpha_warmup", 0)),
                            .b3_warmup = static_cast<std::int64_t>(golden.setting_or("beta3_warmup", 0)),
                            .weight_decay = golden.setting_or("weight_decay", 0)}},
         roundings);
}

void follow_any(const std::string& name) {
  recording golden(name);
  CAPTURE(name);
  CHECK(golden.tensors >= 3);
  // the published code has no direction across a single number, and blows up what rounding leaves of it
  if (golden.is_on("orthogonal_gradient") || golden.optimizer == "OrthoGrad(SGD)")
    for (int i = 0; i < golden.tensors; ++i)
      if (golden.shape(i).elements() == 1) golden.without.insert(i);
  const int roundings = golden.setting_or("weight_decay", 0) != 0 ? golden.steps + 1 : 1;
  const auto& kind = golden.optimizer;
  if (kind == "AdamW_adv") follow_adam(golden, roundings);
  else if (kind.starts_with("Adopt") || kind.starts_with("ADOPT")) follow_adopt(golden, roundings);
  else if (kind.starts_with("Prodigy")) follow_prodigy(golden, roundings);
  else if (kind == "Simplified_AdEMAMix") follow_simplified(golden, roundings);
  else if (kind == "AdEMAMix") follow_ademamix(golden, roundings);
  else if (kind == "Lion_adv")
    follow_lion<mango::lion>(golden, mango::lion_config{.learning_rate = golden.setting_or("lr", 1e-4)}, roundings);
  else if (kind == "Lion_Prodigy_adv")
    follow_lion<mango::prodigy_lion>(
        golden,
        mango::prodigy_lion_config{.learning_rate = golden.setting_or("lr", 1), .distance = distance_of(golden)},
        roundings);
  else if (kind == "OrthoGrad(SGD)")
    follow(golden,
           mango::optimizer{mango::chain(mango::orthograd{}, mango::scale_by_learning_rate{golden.setting("lr")})},
           roundings);
  else FAIL("no optimizer for " << kind);
}

}  // namespace

TEST_CASE("optim adaptive golden: every recording is followed") {
  const std::filesystem::path folder = std::filesystem::path(MANGO_TEST_DATA) / "golden" / "adaptive";
  std::set<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(folder)) names.insert(file.path().filename().string());
  CHECK(names.size() >= 30);
  for (const auto& name : names) follow_any("adaptive/" + name);
}
