#pragma once
// What every optimizer can be told, whatever its rules; and what it tells back.
#include "mango/core/finite.hpp"
#include "mango/core/types.hpp"

namespace mango::inline MANGO_ABI {

/// What happens when a gradient holds a NaN or an infinity.
///   raise      errc::nonfinite before anything is written; costs one read of the gradient before the pass
///   skip       the step (of this tensor, or of all when it was measured or batched) is not applied, and counted
///   unchecked  gradients are not read twice, and a NaN reaches the weights; a step that is measured anyway is skipped
enum class nonfinite : std::uint8_t { raise, skip, unchecked };

/// Options of the optimizer itself, beside the hyperparameters of its rules.
struct optimizer_options {
  nonfinite on_nonfinite = nonfinite::raise;
  /// With skip: raise errc::nonfinite at this many skips in a row; 0 never does. A skip is a batched or measured step,
  /// or one tensor's update otherwise.
  std::int64_t max_consecutive_skips = 0;
  rounding half_parameters = rounding::stochastic;
  /// Look at a parameter where it is bound to a new place, and at bound ones before state is loaded: one that is not
  /// finite raises errc::nonfinite. Steps do not look, nor does update(), which is given its views anew every time.
  bool check_parameters = true;
  /// A step on the host in another floating-point environment than the optimizer was made in raises errc::environment;
  /// otherwise it is counted (fault_counters). Everything else that a step does is the same bits anyway.
  bool deterministic = false;
  /// Keep an fp32 accumulator per tensor (4 bytes per parameter) for accumulate() and two-phase steps.
  bool accumulate = false;
  /// The key of every random number.
  std::uint64_t seed = 0;
};

/// Arguments of one step.
struct step_args {
  /// For this step; `scheduled` asks the schedule.
  static constexpr double scheduled = -1;
  double learning_rate = scheduled;
  /// Multiplies every gradient first: 1 / loss scale, 1 / micro-batches.
  double gradient_scale = 1;
};

/// What a batched step did.
struct step_report {
  bool applied = true;           ///< false: a non-finite gradient, and nothing was written
  index_t updated = 0;           ///< tensors
  index_t without_gradient = 0;  ///< tensors bound to an empty gradient, left as they were
  double gradient_norm = 0;      ///< of all scaled gradients, before clipping; 0 when no rule measures it
};

/// What has happened so far; nothing is skipped without being counted.
struct step_counters {
  std::int64_t steps = 0;              ///< steps in which something was applied: the clock of schedules
  std::int64_t skipped_steps = 0;      ///< batched or measured steps not applied
  std::int64_t skipped_updates = 0;    ///< single tensors not applied
  std::int64_t consecutive_skips = 0;  ///< skips since something was last applied
};

/// What was found wrong since the optimizer was made, whether it was refused or not. No state: it is not saved, and a
/// load does not change it.
struct fault_counters {
  std::int64_t nonfinite_parameters = 0;  ///< refused where they were bound, or by a load
  std::int64_t other_environments = 0;    ///< begin_step() and step() where floats are rounded or flushed otherwise
  std::int64_t collisions = 0;            ///< calls refused with errc::concurrency
};

}  // namespace mango
