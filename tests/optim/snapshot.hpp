#pragma once
// everything an optimizer remembers, copied, to see that a refused call changed none of it
#include <cstddef>
#include <vector>

#include "mango/optim/registry.hpp"

namespace optim_test {

/// State bytes of every tensor, updates of every tensor, and the counters.
struct snapshot {
  std::vector<std::byte> state;
  std::vector<std::int64_t> updates;
  std::int64_t steps = 0, skipped_steps = 0, skipped_updates = 0, consecutive_skips = 0;

  explicit snapshot(const mango::tensor_registry& from) {
    for (mango::index_t i = 0; i < from.size(); ++i) {
      const mango::tensor_id id{static_cast<std::uint32_t>(i)};
      for (const auto& part : from.state(id)) state.insert(state.end(), part.bytes.begin(), part.bytes.end());
      updates.push_back(from.updates(id));
    }
    const auto& c = from.counters();
    steps = c.steps;
    skipped_steps = c.skipped_steps;
    skipped_updates = c.skipped_updates;
    consecutive_skips = c.consecutive_skips;
  }
  friend bool operator==(const snapshot&, const snapshot&) = default;
};

/// The floats of one slot's fp32 part.
inline std::span<float> floats_of(const mango::tensor_registry& from, std::string_view tensor, std::string_view slot,
                                  std::string_view part = "data") {
  for (const auto& p : from.state(tensor))
    if (slot == p.slot && part == p.part && p.type == mango::dtype::f32)
      return {reinterpret_cast<float*>(p.bytes.data()), p.bytes.size() / sizeof(float)};
  return {};
}

}  // namespace optim_test
