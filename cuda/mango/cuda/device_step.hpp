#pragma once
// A step on a device taken tensor by tensor: inside backward, say, where each gradient is freed right after.
#include "mango/optim/step_clock.hpp"

#include "mango/cuda/device_views.hpp"

namespace mango::inline MANGO_ABI::cuda {

/// A step in progress; see step_token. Its number advances when something of it is applied, on the device.
template <class Optimizer> class device_step {
 public:
  /// Enqueues the update of one tensor from its gradient, which may be freed in the order of the stream. One that is
  /// not finite leaves the tensor as it is; report() tells.
  template <class P, class G> void update(tensor_id id, device_span<P> parameter, device_span<G> gradient) const {
    opt_->update(args_, attempt_, id, parameter, gradient, {});
  }
  /// The same for a parameter of 16 bits with its fp32 master copy.
  template <class P, class G>
  void update(tensor_id id, device_span<P> parameter, device_span<G> gradient, device_span<float> master) const {
    opt_->update(args_, attempt_, id, parameter, gradient, master);
  }
  template <class P, class G>
  void update(tensor_id, const P&, const G&,
              host_memory_given_to_a_cuda_optimizer__wrap_it_in_device_span = {}) const = delete;

 private:
  friend Optimizer;
  device_step(Optimizer& opt, const step_args& args, std::int64_t attempt)
      : opt_(&opt), args_(args), attempt_(attempt) {}

  Optimizer* opt_;
  step_args args_;
  std::int64_t attempt_;
};

}  // namespace mango::inline MANGO_ABI::cuda
