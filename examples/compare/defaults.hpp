#pragma once
// what a run uses where the command line is silent: one table per question
#include <array>
#include <cstddef>
#include <string_view>

#include "compare/spec.hpp"

namespace compare {

/// A model's settings: epochs, or steps when they are not zero; examples per step; largest gradient norm, 0 for none.
struct model_defaults {
  std::string_view model;
  double epochs;
  std::size_t steps, batch;
  double clip_norm;
};

inline constexpr std::array model_table{
    model_defaults{"mlp", 5, 0, 128, 0},
    model_defaults{"convnet", 5, 0, 128, 0},
    model_defaults{"gpt", 0, 1000, 32, 1},
};

/// Tokens that gpt sees at once.
inline constexpr std::ptrdiff_t text_window = 64;

/// Variants that the demo runs besides every optimizer by its name.
inline constexpr std::array demo_variants{"sgd:momentum=0.9",      "adamw:stores=bf16", "adamw:stores=kahan",
                                          "adamw:stores=dynamic8", "adamw:stores=nf4",  "adamw:stores=factored"};

/// What the demo asks of AdamW, in percent of the Fashion-MNIST test images.
inline constexpr double demo_accuracy = 88.0;

/// Peak learning rates for a short cosine run, one column per model.
struct rate_defaults {
  std::string_view optimizer;
  double mlp, convnet, gpt;
};

inline constexpr std::array rate_table{
    rate_defaults{"adamw", 2e-3, 3e-3, 3e-3},
    rate_defaults{"adam", 2e-3, 3e-3, 3e-3},
    rate_defaults{"adopt", 2e-3, 2e-3, 3e-3},
    rate_defaults{"ademamix", 2e-3, 3e-3, 3e-3},
    rate_defaults{"simplified_ademamix", 1e-3, 1e-3, 1e-3},
    rate_defaults{"prodigy", 1, 1, 1},
    rate_defaults{"schedule_free", 3e-3, 3e-3, 3e-3},
    rate_defaults{"lion", 3e-4, 3e-4, 6e-4},
    rate_defaults{"prodigy_lion", 1, 1, 1},
    rate_defaults{"sgd", 1e-1, 1e-1, 3e-1},
    rate_defaults{"smmf", 2e-3, 3e-3, 3e-3},
    rate_defaults{"adafactor", 3e-2, 1e-1, 3e-2},
    rate_defaults{"vlorp", 2e-3, 3e-3, 3e-3},
    rate_defaults{"projfactor", 2e-3, 3e-3, 3e-3},
    rate_defaults{"galore", 8e-3, 1.2e-2, 1.2e-2},
};

/// What --features adds to a spec, and the optimizers that can have it.
struct feature_defaults {
  std::string_view feature, setting;
  bool of_lion, of_sums;  ///< also of lion and prodigy_lion; also of simplified_ademamix
};

inline constexpr std::array feature_table{
    feature_defaults{"orthograd", "orthograd=yes", true, true},
    feature_defaults{"cautious", "cautious=yes", true, false},
    feature_defaults{"grams", "grams=yes", false, false},
    feature_defaults{"nesterov", "nesterov=yes", false, false},
    feature_defaults{"atan2", "atan2=yes", false, false},
    feature_defaults{"kourkoutas", "kourkoutas=yes", false, true},
    feature_defaults{"cautious_decay", "cautious_decay=yes", true, true},
    feature_defaults{"slow_average", "slow_alpha=2,slow_b3=0.999", false, false},
    feature_defaults{"no_momentum", "b1=0", false, false},
};

/// Whether the optimizer of a spec can have a feature.
constexpr bool has_feature(std::string_view spec, const feature_defaults& f) {
  const auto name = name_in(spec);
  if (name == "lion" || name == "prodigy_lion") return f.of_lion;
  if (name == "simplified_ademamix") return f.of_sums;
  return name == "adamw" || name == "adopt" || name == "prodigy";
}

/// For optimizers the table does not know: most are scaled like Adam.
inline constexpr double fallback_rate = 1e-3;

constexpr const model_defaults& defaults_of(std::string_view model) {
  for (const auto& row : model_table) {
    if (row.model == model) return row;
  }
  return model_table.front();
}

/// The default for a spec, "name" or "name:options".
constexpr double rate_of(std::string_view spec, std::string_view model) {
  for (const auto& row : rate_table) {
    if (row.optimizer == name_in(spec)) return model == "mlp" ? row.mlp : model == "gpt" ? row.gpt : row.convnet;
  }
  return fallback_rate;
}

}  // namespace compare
