#pragma once
// One optimizer twice, on the host and on the device, over the same numbers.
#include <cmath>
#include <string>

#include "mango/cuda/optimizer.cuh"
#include "support/random.hpp"

#include "cuda/support/device_memory.cuh"

namespace support {

/// A product template with its stores, on either backend.
template <template <class, class> class Product, class Stores> struct product {
  using on_host = Product<Stores, mango::host>;
  using on_device = Product<Stores, mango::cuda::device>;
};

inline float number_of(float x) { return x; }
inline float number_of(mango::half auto x) { return mango::to_float(x); }
template <class T> std::vector<T> as(const std::vector<float>& from) {
  std::vector<T> to;
  for (const float x : from) {
    if constexpr (std::is_same_v<T, float>) to.push_back(x);
    else to.push_back(mango::round_nearest<T>(x));
  }
  return to;
}

/// Both after some steps over a tensor of this shape: the same gradients, of which one in eight is zero.
template <class Product, class P, class G> struct pair {
  typename Product::on_host host;
  typename Product::on_device device;
  std::vector<P> p;
  std::vector<float> start, master;
  device_memory<P> on_device;
  device_memory<float> master_on_device;
  device_memory<G> gradient;
  mango::tensor_id h{}, d{};
  mango::tensor_spec spec;

  template <class Config>
  pair(const Config& config, const mango::tensor_spec& s, std::size_t offset, std::uint64_t seed = 1)
      : host(config),
        device(config, mango::cuda::device{}),
        p(as<P>(normals(static_cast<std::size_t>(s.shape.elements()), seed))),
        on_device(p, offset),
        master_on_device(p.size(), offset),
        gradient(p.size(), offset),
        spec(s) {
    for (const P x : p) start.push_back(number_of(x));
    master = start;
    master_on_device = master;
    h = host.add("w", spec);
    const auto copy = spec.master ? master_on_device.span() : mango::cuda::device_span<float>{};
    d = device.add("w", spec, on_device.span(), mango::cuda::device_span<const G>(gradient.span()), copy);
  }
  std::vector<G> gradient_of(int step) const {
    auto g = normals(p.size(), 100 + static_cast<std::uint64_t>(step), 0.1);
    for (std::size_t i = 0; i < g.size(); ++i)
      if ((i * 2654435761u >> 7) % 8 == 0) g[i] = 0;
    return as<G>(g);
  }
  void run(int steps, int from = 0) {
    for (int i = from; i < from + steps; ++i) {
      const auto g = gradient_of(i);
      gradient = g;
      device.step();
      auto step = host.begin_step();
      if (spec.master) step.update(h, std::span<P>(p), std::span<const G>(g), std::span<float>(master));
      else step.update(h, std::span<P>(p), std::span<const G>(g));
    }
    device.report();
  }
  /// The largest distance between the two, in units of how far the numbers have moved.
  double distance() const {
    const auto other = on_device.host();
    double far = 0, moved = 1e-30;
    for (std::size_t i = 0; i < p.size(); ++i) {
      const double a = number_of(p[i]), b = number_of(other[i]);
      const double apart = std::abs(a - b);
      far = !(apart <= far) ? apart : far;
      moved = std::max(moved, std::abs(a - static_cast<double>(start[i])));
    }
    return far / moved;
  }
  /// How many bytes of a part of the state are not the same.
  std::size_t different(std::string_view slot, std::string_view part) const {
    std::vector<std::uint8_t> a, b;
    for (const auto& x : host.state(h))
      if (slot == x.slot && part == x.part)
        a.assign(reinterpret_cast<const std::uint8_t*>(x.bytes.data()),
                 reinterpret_cast<const std::uint8_t*>(x.bytes.data()) + x.bytes.size());
    for (const auto& x : device.state(d))
      if (slot == x.slot && part == x.part) b = bytes_of(x.bytes);
    if (a.size() != b.size()) return a.size() + b.size();
    std::size_t n = 0;
    for (std::size_t i = 0; i < a.size(); ++i) n += a[i] != b[i] ? 1 : 0;
    return n;
  }
  /// The same over all of the state and the parameter.
  std::size_t different() const {
    std::size_t n = 0;
    for (const auto& x : host.state(h)) n += different(x.slot, x.part);
    const auto other = on_device.host();
    for (std::size_t i = 0; i < p.size(); ++i) n += std::memcmp(&p[i], &other[i], sizeof(P)) != 0 ? 1 : 0;
    return n;
  }
};

}  // namespace support
