#pragma once
// Which step it is, and what the updates of one step share while it lasts.
#include "mango/optim/options.hpp"
#include "mango/pass/tally.hpp"
#include "mango/rule/hyperparameter.hpp"

namespace mango::inline MANGO_ABI::detail {

// a step's identity: `number` is the schedule's clock and advances when something is applied; `attempt` is new for
// every begin_step(), so that a skipped step can be taken again
struct step_clock {
  std::int64_t number, attempt;
  step_args args;
};

inline void check_args(const step_args& args) {
  if (args.learning_rate != step_args::scheduled || is_nonfinite(args.learning_rate))
    require("learning_rate", args.learning_rate, zero_or_more);
  require("gradient_scale", args.gradient_scale, {-1e30, 1e30});
}

// the norm of a measured step, computed by whichever update comes first; `attempt` is negative while it is computed
struct norm_cache {
  std::int64_t attempt = 0;
  tally value;
};

// counters that several updates of one step may touch at once
inline std::int64_t load(const std::int64_t& x) { return __atomic_load_n(&x, __ATOMIC_ACQUIRE); }
inline void store(std::int64_t& x, std::int64_t value) { __atomic_store_n(&x, value, __ATOMIC_RELEASE); }
inline std::int64_t increment(std::int64_t& x) { return __atomic_add_fetch(&x, 1, __ATOMIC_ACQ_REL); }

}  // namespace mango
