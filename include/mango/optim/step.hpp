#pragma once
// A step taken tensor by tensor, in any order: inside backward, say, where each gradient is freed right after.
#include "mango/optim/engine.hpp"
#include "mango/optim/views.hpp"

namespace mango::inline MANGO_ABI {

namespace detail {
struct factored_access;
}

/// A step in progress: its number and arguments are fixed, and tensors are updated under it one by one. It belongs to
/// its optimizer, which must stay where it is. Updates of distinct tensors may run at the same time.
template <class Optimizer> class step_token {
  friend detail::factored_access;

 public:
  /// Updates one tensor from its gradient, which is not needed afterwards. False when the update was skipped for a
  /// non-finite gradient (options.on_nonfinite = skip). Raises errc::order when the tensor was updated in this step
  /// already, or was not measured although a rule measures; errc::nonfinite; and what spans are checked for.
  template <class P, class G> bool update(tensor_id id, P&& parameter, G&& gradient) const {
    return opt_->update_views(clock_, id, parameter, gradient, {});
  }
  /// The same for a parameter of 16 bits with its fp32 master copy.
  template <class P, class G> bool update(tensor_id id, P&& parameter, G&& gradient, std::span<float> master) const {
    return opt_->update_views(clock_, id, parameter, gradient, master);
  }
  /// Updates one tensor from what it has accumulated: the second phase after measure(), or after accumulate().
  template <class P> bool update(tensor_id id, P&& parameter) const {
    return opt_->update_accumulated(clock_, id, parameter, {});
  }
  template <class P> bool update_master(tensor_id id, P&& parameter, std::span<float> master) const {
    return opt_->update_accumulated(clock_, id, parameter, master);
  }

  /// Writes the step, what update() would add, to `delta` and leaves the parameter alone. Raises what update() does.
  template <class P, class G>
  bool update_into(tensor_id id, const P& parameter, const G& gradient, std::span<float> delta) const {
    return opt_->update_into(clock_, id, parameter, gradient, delta);
  }

  /// The first phase of a two-phase step, for chains that measure: reads one gradient for the norm of all. With an
  /// accumulator the gradient is kept there and may be freed, and the second phase is update(id, parameter); without
  /// one it must still exist for update(id, parameter, gradient). All measure() come before the first update().
  template <class G> void measure(tensor_id id, const G& gradient) const { opt_->measure_view(clock_, id, gradient); }

 private:
  friend Optimizer;
  step_token(Optimizer& opt, const detail::step_clock& clock) : opt_(&opt), clock_(clock) {}

  Optimizer* opt_;
  detail::step_clock clock_;
};

}  // namespace mango
