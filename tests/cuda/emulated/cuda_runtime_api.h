#pragma once
// As much of CUDA's runtime as the library uses, on the host: device memory is memory that the host's code must not
// touch, streams do everything at once, and a graph is a list of what was to be done. Allocations start as garbage, so
// that what is read before it is written shows; a sanitizer sees what is read or written outside of them.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

enum cudaError_t {
  cudaSuccess,
  cudaErrorInvalidValue,
  cudaErrorMemoryAllocation,
  cudaErrorNotReady = 600,
  cudaErrorIllegalAddress = 700
};
enum cudaMemoryType { cudaMemoryTypeUnregistered, cudaMemoryTypeHost, cudaMemoryTypeDevice, cudaMemoryTypeManaged };
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice };
enum cudaStreamCaptureStatus { cudaStreamCaptureStatusNone, cudaStreamCaptureStatusActive };
enum cudaStreamCaptureMode { cudaStreamCaptureModeThreadLocal };
struct cudaPointerAttributes {
  cudaMemoryType type;
  int device;
};

namespace emulated {
using operation = std::function<void()>;
struct graph {
  std::vector<operation> operations;
};
struct stream {
  graph* capturing = nullptr;
};
struct machine {
  std::map<const std::byte*, std::size_t> allocations;
  std::size_t limit = std::size_t{1} << 40;
  stream default_stream;
  cudaError_t last = cudaSuccess;
  bool lost = false;  // what an illegal address leaves behind
  int device = 0;
};
inline machine& it() {
  static machine m;
  return m;
}
inline stream& of(stream* s) { return s ? *s : it().default_stream; }
inline cudaError_t said(cudaError_t status) {
  if (it().lost) status = cudaErrorIllegalAddress;
  if (status != cudaSuccess) it().last = status;
  return status;
}
inline cudaError_t enqueue(stream* s, operation what) {
  if (it().lost) return said(cudaErrorIllegalAddress);
  if (of(s).capturing) of(s).capturing->operations.push_back(std::move(what));
  else what();
  return cudaSuccess;
}
inline const std::pair<const std::byte* const, std::size_t>* allocation_of(const void* p) {
  const auto* at = static_cast<const std::byte*>(p);
  auto after = it().allocations.upper_bound(at);
  if (after == it().allocations.begin()) return nullptr;
  --after;
  return at < after->first + after->second ? &*after : nullptr;
}
}  // namespace emulated

using cudaStream_t = emulated::stream*;
using cudaGraph_t = emulated::graph*;
using cudaGraphExec_t = emulated::graph*;

inline const char* cudaGetErrorString(cudaError_t e) {
  return e == cudaErrorMemoryAllocation ? "out of memory"
         : e == cudaErrorIllegalAddress ? "an illegal memory access was encountered"
                                        : "invalid argument";
}
inline cudaError_t cudaPeekAtLastError() { return emulated::it().lost ? cudaErrorIllegalAddress : emulated::it().last; }
inline cudaError_t cudaGetLastError() {
  const auto last = cudaPeekAtLastError();
  emulated::it().last = cudaSuccess;
  return last;
}
inline cudaError_t cudaGetDevice(int* d) { return *d = emulated::it().device, cudaSuccess; }
inline cudaError_t cudaSetDevice(int d) { return emulated::it().device = d, cudaSuccess; }
inline cudaError_t cudaGetDeviceCount(int* n) { return *n = 1, cudaSuccess; }
inline cudaError_t cudaMalloc(void** p, std::size_t bytes) {
  if (bytes > emulated::it().limit) return emulated::said(cudaErrorMemoryAllocation);
  *p = ::operator new (bytes + 1, std::align_val_t{256});
  std::memset(*p, 0xc7, bytes);  // as floats, about -1e5
  emulated::it().allocations[static_cast<std::byte*>(*p)] = bytes + 1;
  return emulated::said(cudaSuccess);
}
template <class T> cudaError_t cudaMalloc(T** p, std::size_t bytes) {
  return cudaMalloc(reinterpret_cast<void**>(p), bytes);
}
inline cudaError_t cudaMallocAsync(void** p, std::size_t bytes, cudaStream_t) { return cudaMalloc(p, bytes); }
inline cudaError_t cudaFree(void* p) {
  if (!p) return cudaSuccess;
  if (emulated::it().allocations.erase(static_cast<std::byte*>(p)) == 0) std::abort();
  ::operator delete (p, std::align_val_t{256});
  return cudaSuccess;
}
inline cudaError_t cudaFreeAsync(void* p, cudaStream_t) { return cudaFree(p); }
inline cudaError_t cudaMemsetAsync(void* p, int value, std::size_t n, cudaStream_t s) {
  return emulated::enqueue(s, [=] { std::memset(p, value, n); });
}
// a side that is said to be the device's must be
inline cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t n, cudaMemcpyKind kind, cudaStream_t s) {
  const bool to_device = kind != cudaMemcpyDeviceToHost, from_device = kind != cudaMemcpyHostToDevice;
  if ((emulated::allocation_of(to) != nullptr) != to_device ||
      (emulated::allocation_of(from) != nullptr) != from_device)
    return emulated::said(cudaErrorInvalidValue);
  return emulated::enqueue(s, [=] { std::memcpy(to, from, n); });
}
inline cudaError_t cudaMemcpy(void* to, const void* from, std::size_t n, cudaMemcpyKind kind) {
  return n == 0 ? cudaSuccess : cudaMemcpyAsync(to, from, n, kind, nullptr);
}
inline cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* a, const void* p) {
  const bool here = emulated::allocation_of(p) != nullptr;
  *a = {here ? cudaMemoryTypeDevice : cudaMemoryTypeUnregistered, here ? 0 : -2};
  return emulated::said(cudaSuccess);
}
inline cudaError_t cudaStreamCreate(cudaStream_t* s) { return *s = new emulated::stream, cudaSuccess; }
inline cudaError_t cudaStreamDestroy(cudaStream_t s) { return delete s, cudaSuccess; }
inline cudaError_t cudaStreamSynchronize(cudaStream_t) { return emulated::said(cudaSuccess); }
inline cudaError_t cudaStreamQuery(cudaStream_t) { return emulated::said(cudaSuccess); }
inline cudaError_t cudaDeviceSynchronize() { return emulated::said(cudaSuccess); }
inline cudaError_t cudaStreamIsCapturing(cudaStream_t s, cudaStreamCaptureStatus* status) {
  *status = emulated::of(s).capturing ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
  return cudaSuccess;
}
inline cudaError_t cudaStreamBeginCapture(cudaStream_t s, cudaStreamCaptureMode) {
  s->capturing = new emulated::graph;
  return cudaSuccess;
}
inline cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t* g) {
  *g = s->capturing;
  s->capturing = nullptr;
  return cudaSuccess;
}
inline cudaError_t cudaGraphInstantiate(cudaGraphExec_t* e, cudaGraph_t g, unsigned long long) {
  return *e = new emulated::graph(*g), cudaSuccess;
}
inline cudaError_t cudaGraphLaunch(cudaGraphExec_t e, cudaStream_t) {
  for (const auto& o : e->operations) o();
  return cudaSuccess;
}
inline cudaError_t cudaGraphExecDestroy(cudaGraphExec_t e) { return delete e, cudaSuccess; }
inline cudaError_t cudaGraphDestroy(cudaGraph_t g) { return delete g, cudaSuccess; }
