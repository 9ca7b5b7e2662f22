#pragma once
// one run: a network, an optimizer by name, a seed
#include <string>

#include "compare/progress.hpp"
#include "compare/replicas.hpp"
#include "compare/run.hpp"
#include "compare/schedule.hpp"

namespace compare {

/// Everything a run needs besides its optimizer and seed; the same for all runs of a comparison.
struct recipe {
  std::size_t batch = 0, steps = 0, evaluations = 0;
  bool cosine = true;
  double warmup = 0.0;     ///< fraction of the steps
  double clip_norm = 0.0;  ///< 0: none
  bool classifies = true;
  std::string unit;          ///< "images" or "tokens"
  std::size_t stop = 0;      ///< ends after so many of the steps; 0: after all
  std::string save, resume;  ///< folders of saved runs; empty: none
};

/// One optimizer as asked for.
struct contender {
  std::string spec;
  double learning_rate = 0.0;
};

/// Trains from the initial weights of `seed`. Stops early, marked as diverged, when the loss or a gradient is no longer
/// finite; a run whose final loss is above ten times that of guessing counts as diverged too. Throws mango::error when
/// the optimizer refuses its spec or its tensors.
run train(replicas& network, const feed& data, const recipe& how, const contender& who, std::uint64_t seed,
          mango::threads& pool, progress_style style);

}  // namespace compare
