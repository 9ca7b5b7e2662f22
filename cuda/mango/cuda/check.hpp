#pragma once
// What the CUDA runtime returns, as mango::error.
#include <cuda_runtime_api.h>

#include "mango/core/error.hpp"
#include "mango/core/types.hpp"

namespace mango::inline MANGO_ABI::cuda {

/// Raises errc::device with CUDA's own words for a status other than success; `doing` says what was being done. A lost
/// context (an illegal address in an earlier kernel, say) shows at the next call that is checked, whatever that is.
inline void check(cudaError_t status, std::string_view doing) {
  if (status == cudaSuccess) return;
  (void)cudaGetLastError();  // an error that does not stick is not reported twice
  raise(error(errc::device, concat({doing, ": ", cudaGetErrorString(status)}), doing, cudaSuccess, status));
}

/// The same after a kernel was launched: what the launch itself did wrong, or what an earlier one did.
inline void check_launch(std::string_view kernel) { check(cudaPeekAtLastError(), kernel); }

/// The device that the calling thread uses.
inline int current_device() {
  int ordinal = 0;
  check(cudaGetDevice(&ordinal), "asking for the current device");
  return ordinal;
}

}  // namespace mango::inline MANGO_ABI::cuda
