#pragma once
// What tests of projected optimizers share: gradients with a spectrum and noise, and the basis as a matrix.
#include <string_view>

#include "mango/optim/galore.hpp"
#include "project/matrices.hpp"

namespace support {

inline std::span<const std::byte> part_of_state(const auto& opt, mango::tensor_id id, std::string_view slot,
                                                std::string_view part) {
  for (const auto& p : opt.state(id))
    if (slot == p.slot && part == p.part) return p.bytes;
  return {};
}
// the basis as rows, r x length
inline matrix basis_of(const auto& opt, mango::tensor_id id) {
  const mango::projection p = opt.projected(id);
  const auto bytes = part_of_state(opt, id, "basis", "data");
  std::vector<float> copy(bytes.size() / sizeof(float));
  std::memcpy(copy.data(), bytes.data(), bytes.size());
  return rows_of(p.vectors(copy.data(), p.rank));
}
inline std::vector<float> gradient(std::ptrdiff_t m, std::ptrdiff_t n, int t) {
  auto g = with_spectrum(m, n, m < n ? m : n, 0.7, 100 + static_cast<std::uint64_t>(t) / 3);
  random noise(static_cast<std::uint64_t>(t) + 1);
  for (double& x : g.data) x += 0.02 * noise.normal();
  return g.floats();
}
inline std::vector<float> weights(std::ptrdiff_t m, std::ptrdiff_t n) {
  return normals(static_cast<std::size_t>(m * n), 5, 0.1);
}

inline mango::galore_config usual(std::ptrdiff_t rank, std::ptrdiff_t every = 4) {
  return {.learning_rate = 1e-2, .subspace = {.rank = rank, .refresh_every = every}};
}

}  // namespace support
