#pragma once
// Some tensors with one optimizer on the host and one on the device, which learn from all of them.
#include "cuda/support/pair.cuh"

namespace support {

template <class T> std::vector<T> numbers_of(const std::vector<std::uint8_t>& bytes) {
  std::vector<T> to(bytes.size() / sizeof(T));
  if (!to.empty()) std::memcpy(to.data(), bytes.data(), to.size() * sizeof(T));
  return to;
}

/// Weights that are pulled to where they should be, the same on both sides; how far they are from there is what Prodigy
/// learns.
template <class Product> struct twins {
  typename Product::on_host host;
  typename Product::on_device device;
  std::vector<std::vector<float>> p, start, g;
  std::vector<device_memory<float>> on_device, gradient;
  std::vector<mango::tensor_id> ids;

  template <class Config>
  twins(const Config& config, const std::vector<mango::shape>& of, cudaStream_t stream = nullptr)
      : twins(typename Product::on_host(config), typename Product::on_device(config, mango::cuda::device{stream}), of) {
  }
  twins(typename Product::on_host&& h, typename Product::on_device&& d, const std::vector<mango::shape>& of)
      : host(std::move(h)), device(std::move(d)) {
    for (const auto& shape : of) add(shape);
  }
  void add(const mango::shape& shape) {
    const auto i = p.size(), n = static_cast<std::size_t>(shape.elements());
    p.push_back(normals(n, i + 1));
    start.push_back(p[i]);
    g.emplace_back(n);
    on_device.emplace_back(p[i]);
    gradient.emplace_back(n);
    const auto name = std::string(1, 'w').append(std::to_string(i));
    ids.push_back(device.add(name, {.shape = shape}, on_device[i].span(), gradient[i].span()));
    host.add(name, {.shape = shape}, std::span(p[i]), std::span<const float>(g[i]));
  }
  void pull(int step) {
    for (std::size_t i = 0; i < p.size(); ++i) {
      const auto noise = normals(p[i].size(), 1000 + 10 * i + static_cast<std::uint64_t>(step), 0.02);
      for (std::size_t k = 0; k < p[i].size(); ++k) g[i][k] = 0.1f * p[i][k] + noise[k];
      gradient[i] = g[i];
    }
  }
  void run(int steps, bool singly = false) {
    for (int s = 0; s < steps; ++s) {
      pull(s);
      host.step();
      if (singly) {
        const auto step = device.begin_step();
        for (std::size_t i = p.size(); i-- > 0;) step.update(ids[i], on_device[i].span(), gradient[i].span());
      } else device.step();
    }
    device.report();
  }
  /// The largest distance between the two, in units of how far the numbers have moved.
  double distance() const {
    double far = 0, moved = 1e-30;
    for (std::size_t i = 0; i < p.size(); ++i) {
      const auto other = on_device[i].host();
      for (std::size_t k = 0; k < other.size(); ++k) {
        const double apart = std::abs(static_cast<double>(p[i][k]) - static_cast<double>(other[k]));
        far = !(apart <= far) ? apart : far;
        moved = std::max(moved, std::abs(static_cast<double>(p[i][k]) - static_cast<double>(start[i][k])));
      }
    }
    return far / moved;
  }
  /// The same of what one rule has learned, each array in units of its largest number.
  double learned_apart(std::string_view rule) const {
    double far = 0;
    for (const auto id : ids)
      for (const auto& x : host.state(id))
        if (rule == x.slot)
          for (const auto& y : device.state(id))
            if (rule == y.slot && std::string_view(x.part) == y.part) far = std::max(far, apart(x, bytes_of(y.bytes)));
    return far;
  }
  /// One of its numbers.
  double learned(std::size_t tensor, std::string_view rule, std::string_view name) const {
    for (const auto& x : device.state(ids[tensor]))
      if (rule == x.slot && name == x.part) return numbers_of<double>(bytes_of(x.bytes)).at(0);
    return -1;
  }

 private:
  static double apart(const mango::state_part& x, const std::vector<std::uint8_t>& other) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(x.bytes.data());
    const std::vector<std::uint8_t> own(bytes, bytes + x.bytes.size());
    if (own.size() != other.size()) return 1e30;
    if (x.type == mango::dtype::f64) return far_apart(numbers_of<double>(own), numbers_of<double>(other));
    return far_apart(numbers_of<float>(own), numbers_of<float>(other));
  }
  template <class T> static double far_apart(const std::vector<T>& a, const std::vector<T>& b) {
    double far = 0, size = 1e-300;
    for (std::size_t i = 0; i < a.size(); ++i) {
      const double d = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
      far = !(d <= far) ? d : far;
      size = std::max(size, std::abs(static_cast<double>(a[i])));
    }
    return far / size;
  }
};

}  // namespace support
