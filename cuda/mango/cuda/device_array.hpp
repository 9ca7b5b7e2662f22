#pragma once
// A list of the host's, copied to the device.
#include "mango/core/list.hpp"

#include "mango/cuda/device.hpp"

namespace mango::inline MANGO_ABI::cuda {

/// T in device memory. T is plain bytes.
template <class T> class device_array {
 public:
  T* data() const { return reinterpret_cast<T*>(memory_.data()); }
  std::size_t bytes() const { return memory_.bytes(); }

  /// Becomes a copy of count T at `from`, in the order of the stream; `from` may go when this returns.
  void assign(const T* from, std::size_t count, const device& where) {
    reserve(count, where);
    if (count > 0)
      check(cudaMemcpyAsync(memory_.data(), from, count * sizeof(T), cudaMemcpyHostToDevice, where.stream()),
            "copying to the device");
  }
  /// Overwrites count T from number `first` on, which are here already.
  void overwrite(std::size_t first, const T* from, std::size_t count, const device& where) {
    check(cudaMemcpyAsync(data() + first, from, count * sizeof(T), cudaMemcpyHostToDevice, where.stream()),
          "copying to the device");
  }
  void assign(const list<T>& from, const device& where) { assign(from.begin(), from.size(), where); }
  /// Room for count T, zeroed when it is new.
  void reserve(std::size_t count, const device& where) {
    if (count * sizeof(T) > memory_.bytes()) memory_ = where.allocate(count * sizeof(T));
  }
  /// Room for count T, zeroed beyond those that are here, which stay.
  void grow(std::size_t count, const device& where) {
    if (count * sizeof(T) <= memory_.bytes()) return;
    buffer more = where.allocate((count + count / 2) * sizeof(T));
    if (memory_.bytes() > 0)
      check(cudaMemcpyAsync(more.data(), memory_.data(), memory_.bytes(), cudaMemcpyDeviceToDevice, where.stream()),
            "copying on the device");
    memory_ = static_cast<buffer&&>(more);
  }

 private:
  buffer memory_;
};

}  // namespace mango::inline MANGO_ABI::cuda
