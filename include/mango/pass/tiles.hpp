#pragma once
// The driver for block-wise stores: a walk over tiles that decodes every slot of a tile into the first-level cache,
// runs the chain over it in registers, and encodes the slots again. One pass over memory.
#include "mango/pass/lanes.hpp"
#include "mango/pass/team.hpp"
#include "mango/store/code_bytes.hpp"

namespace mango::inline MANGO_ABI {

/// One fused pass over one tensor, some of whose slots are kept block by block; the others may be any element-wise
/// store.
template <class Chain, class Target, class G, class... S> struct tiles {
  static_assert(static_cast<int>(sizeof...(S)) == slot_count<Chain>,
                "mango: give one store per state slot: stores<dynamic8<>, dynamic8<>> for Adam's m and v");

  typename Chain::frame frame;
  Target target;
  const G* gradient;
  slot_views<S...> slots;
  float gradient_scale;
  philox_key key;

  static constexpr bool rounds = (Target::rounds || ... || S::rounds);
  /// Elements per tile: the largest block, and no fewer than random bits are drawn for.
  static constexpr int tile = [] {
    int most = static_cast<int>(noise_elements);
    const auto look = [&]<class Store>() {
      if constexpr (block_store<Store>) most = Store::block > most ? Store::block : most;
    };
    (look.template operator()<S>(), ...);
    return most;
  }();
  static_assert(chunk_elements % tile == 0);

  /// Elements [begin, end); begin is a multiple of the tile.
  void operator()(index_t begin, index_t end) const noexcept {
    const tiles local = *this;  // its address never escapes, so no store of the loop can be thought to change it
    for (index_t at = begin; at < end; at += tile)
      local.run(at, end - at < tile ? static_cast<int>(end - at) : tile, std::index_sequence_for<S...>{});
  }

 private:
  static constexpr std::size_t slot_total = sizeof...(S);
  static constexpr bool slot_rounds[slot_total + 1] = {S::rounds..., Target::rounds};
  static constexpr std::size_t packets = static_cast<std::size_t>(tile / packet::lanes);

  template <std::size_t... I> MANGO_HOST_INLINE void run(index_t at, int count, std::index_sequence<I...>) const {
    std::uint16_t draws[rounds ? slot_total + 1 : 1][rounds ? static_cast<std::size_t>(tile) : 1];
    if constexpr (rounds)
      detail::each_stream(slot_rounds, draws_for(target), key, [&](std::size_t stream, const philox_key& k) {
        for (int i = 0; i < count; i += static_cast<int>(noise_elements))
          fill_random16<noise_elements>(k, at + i, draws[stream] + i);
      });
    const auto noise = [&](std::size_t stream, int i) {
      if constexpr (rounds) return slot_rounds[stream] ? load_bits(draws[stream] + i) : packet::bits{};
      else return packet::bits{};
    };

    packet s[slot_total + 1][packets];
    // a whole tile is decoded packet by packet: the square root and the division of a step leave time for it
    const bool whole_tile = count == tile;
    if (!whole_tile) (decode<S>(detail::leaf_value<I>(slots), at, count, s[I]), ...);
    const auto step = [&](auto here, int i, auto decoded) {
      packet x[slot_total + 1] = {decoded ? s[I][i]
                                          : packet_of<S>(detail::leaf_value<I>(slots), at + i * packet::lanes)...};
      const packet p = target.load(here);
      const auto u = Chain::template run<0>(frame, load(gradient, here) * gradient_scale, p, x);
      ((s[I][i] = x[I]), ...);
      target.save(here, p, u, noise(slot_total, i * packet::lanes));
    };
    const int whole_packets = count / packet::lanes, rest = count % packet::lanes;
    if (whole_tile)
      for (int i = 0; i < tile / packet::lanes; ++i) step(whole{at + i * packet::lanes}, i, std::false_type{});
    else
      for (int i = 0; i < whole_packets; ++i) step(whole{at + i * packet::lanes}, i, std::true_type{});
    if (rest > 0) step(part_of{at + whole_packets * packet::lanes, rest}, whole_packets, std::true_type{});
    (encode<S>(detail::leaf_value<I>(slots), at, count, s[I], rounds ? draws[I] : nullptr), ...);
  }

  template <class Store> static MANGO_HOST_INLINE packet packet_of(const typename Store::view& v, index_t at) {
    if constexpr (block_store<Store>) {
      // one lane may begin inside a byte
      const index_t inside = packet::lanes == 1 ? at % 2 : 0;
      return Store::decode(detail::load_codes<Store::map::bits>(v.codes + (at - inside) * Store::map::bits / 8,
                                                                static_cast<std::size_t>(inside)),
                           packet(to_float(v.scales[at / Store::block])));
    } else return Store::load(v, whole{at});
  }
  template <class Store>
  static MANGO_HOST_INLINE void decode(const typename Store::view& v, index_t at, int count, packet (&x)[packets]) {
    if constexpr (block_store<Store>) {
      constexpr auto each = static_cast<std::size_t>(Store::block / packet::lanes);
      for (int b = 0; b * Store::block < count; ++b)
        Store::load(solo{}, v, at + b * Store::block, rest_of<Store::block>(count, b),
                    *reinterpret_cast<packet(*)[each]>(x + static_cast<std::size_t>(b) * each));
    } else {
      int i = 0;
      for (; (i + 1) * packet::lanes <= count; ++i) x[i] = Store::load(v, whole{at + i * packet::lanes});
      if (i * packet::lanes < count) x[i] = Store::load(v, part_of{at + i * packet::lanes, count - i * packet::lanes});
    }
  }
  template <class Store>
  static MANGO_HOST_INLINE void encode(const typename Store::view& v, index_t at, int count, const packet (&x)[packets],
                                       [[maybe_unused]] const std::uint16_t* noise) {
    if constexpr (block_store<Store>) {
      constexpr auto each = static_cast<std::size_t>(Store::block / packet::lanes);
      constexpr auto blocks = static_cast<std::size_t>(tile / Store::block);
      if (count == tile &&
          Store::template save_blocks<blocks>(v.scales + at / Store::block, v.codes + Store::code_bytes(at),
                                              reinterpret_cast<const float*>(x), noise))
        return;
      for (int b = 0; b * Store::block < count; ++b)
        Store::save(solo{}, v, at + b * Store::block, rest_of<Store::block>(count, b),
                    *reinterpret_cast<const packet(*)[each]>(x + static_cast<std::size_t>(b) * each),
                    Store::rounds ? noise + b * Store::block : nullptr);
    } else {
      const auto bits = [&](int i) { return Store::rounds ? load_bits(noise + i) : packet::bits{}; };
      int i = 0;
      for (; (i + 1) * packet::lanes <= count; ++i)
        Store::save(v, whole{at + i * packet::lanes}, x[i], bits(i * packet::lanes));
      if (i * packet::lanes < count)
        Store::save(v, part_of{at + i * packet::lanes, count - i * packet::lanes}, x[i], bits(i * packet::lanes));
    }
  }
  // how much of block b there is
  template <int Block> static constexpr int rest_of(int count, int b) {
    return count - b * Block < Block ? count - b * Block : Block;
  }
};

}  // namespace mango
