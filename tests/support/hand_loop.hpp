#pragma once
// A chain over plain arrays without the drivers of pass/: what a rule's own test runs it with.
#include <array>
#include <utility>
#include <vector>

#include "mango/core/access.hpp"
#include "mango/rule/chain.hpp"

namespace support {

/// p <- p + u for every number, with the chain's slots in `state`. The arrays' length is a multiple of 16.
template <class Chain> struct hand_loop {
  static constexpr int count = mango::slot_count<Chain>;
  static constexpr std::size_t slots = static_cast<std::size_t>(count);

  Chain chain;
  std::vector<float> p;
  std::array<std::vector<float>, slots> state{};
  std::vector<float> u{};

  hand_loop(const Chain& rules, std::vector<float> start) : chain(rules), p(std::move(start)), u(p.size()) {
    for (auto& s : state) s.resize(p.size());
  }

  /// One step with every number by itself (At = mango::one) or packet by packet (At = mango::whole).
  template <class At> void step(const mango::step_info& s, const std::vector<float>& g) {
    mango::index_t stride = 1;
    if constexpr (!std::is_same_v<At, mango::one>) stride = mango::packet::lanes;
    const auto frame = chain.fold(s);
    for (mango::index_t i = 0; i < static_cast<mango::index_t>(p.size()); i += stride)
      step_at(frame, g, At{i}, std::make_index_sequence<slots>{});
  }

 private:
  template <class At, std::size_t... K>
  __attribute__((noinline)) void step_at(const typename Chain::frame& frame, const std::vector<float>& g, At at,
                                         std::index_sequence<K...>) {
    using number = typename At::number;
    number x[slots + 1] = {mango::load(state[K].data(), at)...};
    const number before = mango::load(p.data(), at);
    const number update = Chain::template run<0>(frame, mango::load(g.data(), at), before, x);
    (mango::save(state[K].data(), at, x[K]), ...);
    mango::save(u.data(), at, update);
    mango::save(p.data(), at, before + update);
  }
};

}  // namespace support
