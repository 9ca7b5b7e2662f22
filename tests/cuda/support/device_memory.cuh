#pragma once
// Arrays in device memory for tests: copied there and back, and placed at any offset from an aligned address.
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "mango/cuda/device_span.hpp"

namespace support {

/// Ends a test at the first CUDA call that fails.
inline void ok(cudaError_t status) {
  if (status != cudaSuccess) throw std::runtime_error(std::string("CUDA: ") + cudaGetErrorString(status));
}

/// Whether this machine has a device; without one, tests of kernels have nothing to run on.
inline bool has_device() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess && count > 0;
}

/// n T on the device, `offset` elements past an address aligned to 256 bytes.
template <class T> class device_memory {
 public:
  explicit device_memory(std::size_t n, std::size_t offset = 0) : n_(n), offset_(offset) {
    ok(cudaMalloc(&memory_, (n + offset + 1) * sizeof(T)));
  }
  explicit device_memory(const std::vector<T>& from, std::size_t offset = 0) : device_memory(from.size(), offset) {
    *this = from;
  }
  device_memory(device_memory&& other) noexcept : memory_(other.memory_), n_(other.n_), offset_(other.offset_) {
    other.memory_ = nullptr;
  }
  device_memory& operator=(const std::vector<T>& from) {
    ok(cudaMemcpy(data(), from.data(), from.size() * sizeof(T), cudaMemcpyHostToDevice));
    return *this;
  }
  ~device_memory() { cudaFree(memory_); }

  T* data() const { return static_cast<T*>(memory_) + offset_; }
  mango::cuda::device_span<T> span() const { return {data(), n_}; }
  std::vector<T> host() const {
    std::vector<T> to(n_);
    ok(cudaDeviceSynchronize());
    ok(cudaMemcpy(to.data(), data(), n_ * sizeof(T), cudaMemcpyDeviceToHost));
    return to;
  }

 private:
  void* memory_ = nullptr;
  std::size_t n_, offset_;
};

/// The bytes of a device view.
template <class Span> std::vector<std::uint8_t> bytes_of(const Span& span) {
  std::vector<std::uint8_t> to(span.size_bytes());
  ok(cudaDeviceSynchronize());
  ok(cudaMemcpy(to.data(), span.data(), to.size(), cudaMemcpyDeviceToHost));
  return to;
}

}  // namespace support
