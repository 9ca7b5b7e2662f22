#pragma once
// what one training run leaves behind, and a whole comparison of them
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace compare {

/// One point of a curve. `accuracy` is a fraction; training points carry the mean over the steps since the last one.
struct curve_point {
  std::size_t step = 0;
  double loss = 0.0, accuracy = 0.0, learning_rate = 0.0, seconds = 0.0;
};

/// One optimizer, one seed.
struct run {
  std::string optimizer;    ///< the spec as given, e.g. "adamw:stores=bf16"
  std::string description;  ///< describe() of the optimizer after all tensors were added
  std::uint64_t seed = 0;
  double learning_rate = 0.0;  ///< the peak of the schedule
  std::size_t parameters = 0;
  std::size_t state_bytes = 0;     ///< what the optimizer reports after training
  std::size_t planned_bytes = 0;   ///< what it said it would hold, before the first allocation
  std::size_t gradient_bytes = 0;  ///< gradients held at once, all replicas
  std::size_t peak_bytes = 0;      ///< peak resident set during this run; 0 where the system does not tell
  std::size_t steps = 0, skipped = 0;
  double optimizer_ms = 0.0;          ///< median time of the optimizer's step
  double step_ms = 0.0;               ///< median time of a whole training step
  double seconds = 0.0;               ///< wall clock, evaluations included
  double loss = 0.0, accuracy = 0.0;  ///< final, on the held-out half
  bool diverged = false;              ///< the loss ended non-finite, or at ten times that of guessing
  std::vector<curve_point> train{}, held_out{};
};

/// What was compared, on what, by which command; everything the reports print besides the runs.
struct experiment {
  std::string model, model_summary, data, unit;  ///< unit: what a rate counts, "images" or "tokens"
  std::string command, machine, date, build;
  std::size_t batch = 0, steps = 0;
  double steps_per_epoch = 0.0;  ///< 0: curves are drawn over steps
  std::size_t replicas = 0, threads = 0;
  bool classifies = true;      ///< accuracy is the figure of merit; else perplexity
  double baseline_loss = 0.0;  ///< unigram entropy of the held-out text; 0 for images
  std::vector<run> runs;
};

}  // namespace compare
