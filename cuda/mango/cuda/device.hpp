#pragma once
// Where a device optimizer runs: on the caller's stream.
#include "mango/backend/backend.hpp"
#include "mango/cuda/check.hpp"

namespace mango::inline MANGO_ABI::cuda {

/// A stream of the device that is current when this is made. The stream stays the caller's, and outlives whatever was
/// made with it: all that an optimizer does happens on it, in the order of the calls, and nothing waits for it but
/// report() and what reads counters. The default is the default stream.
class device {
 public:
  using stream_type = cudaStream_t;

  device() : device(nullptr) {}
  explicit device(cudaStream_t stream) : stream_(stream), ordinal_(current_device()) {}

  cudaStream_t stream() const { return stream_; }
  int ordinal() const { return ordinal_; }

  /// Zeroed memory, allocated and freed in the order of the stream. Raises errc::memory with the number of bytes;
  /// nothing has changed then.
  buffer allocate(std::size_t bytes) const {
    if (bytes == 0) return {};
    void* memory = nullptr;
    const cudaError_t status = cudaMallocAsync(&memory, bytes, stream_);
    if (status == cudaErrorMemoryAllocation) {
      (void)cudaGetLastError();
      raise(errc::memory, "the device has no {expected} bytes left", static_cast<long long>(bytes), 0);
    }
    check(status, "allocating device memory");
    buffer owned(static_cast<std::byte*>(memory), bytes, new allocation{memory, stream_}, free);
    check(cudaMemsetAsync(memory, 0, bytes, stream_), "clearing device memory");
    return owned;
  }
  /// Raises errc::device when another device is current: its pointers and kernels would be meant.
  void require_current() const {
    const int now = current_device();
    if (now != ordinal_)
      raise(errc::device, "device {got} is current, but this belongs to device {expected}: call cudaSetDevice first",
            ordinal_, now);
  }
  /// Raises errc::device when a kernel has lost the context: nothing works any more. Not while the stream is captured.
  void require_alive() const {
    if (capturing()) return;
    const cudaError_t status = cudaStreamQuery(stream_);
    if (status != cudaErrorNotReady) check(status, "asking how the stream is");
    else (void)cudaGetLastError();
  }
  /// Waits for all work on the stream. Raises errc::device for what went wrong in it.
  void synchronize() const { check(cudaStreamSynchronize(stream_), "waiting for the stream"); }
  /// Whether the stream is being captured into a graph: nothing may be waited for or allocated then.
  bool capturing() const {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    check(cudaStreamIsCapturing(stream_, &status), "asking whether the stream is captured");
    return status != cudaStreamCaptureStatusNone;
  }

 private:
  struct allocation {
    void* memory;
    cudaStream_t stream;
  };
  static void free(void* context) {
    auto* of = static_cast<allocation*>(context);
    (void)cudaFreeAsync(of->memory, of->stream);  // of a lost context there is nothing left to free
    delete of;
  }

  cudaStream_t stream_;
  int ordinal_;
};

}  // namespace mango::inline MANGO_ABI::cuda
