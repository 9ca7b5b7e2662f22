#pragma once
// The driver for element-wise stores: one flat walk over memory. Per packet it loads p, g and every slot, runs the
// chain in registers, and stores p and the slots: what a step costs is what this moves.
#include "mango/core/philox.hpp"
#include "mango/pass/target.hpp"
#include "mango/rule/chain.hpp"

namespace mango::inline MANGO_ABI {

/// Work is handed out in chunks of this many elements, whatever the number of threads: results do not depend on it.
inline constexpr index_t chunk_elements = index_t{1} << 16;
/// Random bits are drawn for this many elements at a time, into the first-level cache.
inline constexpr std::size_t noise_elements = 256;
/// The stream of random numbers that rounds a parameter; slot i has stream i.
inline constexpr std::uint8_t parameter_stream = 0x80;

/// How far ahead memory is asked for, in elements, where a walk would wait for it: over rows of a factored tensor,
/// which is slower than AdamW without, and in surveys, which only read (0.9 to 0.5 ns per parameter).
inline constexpr index_t prefetch_distance = 512;

/// Chunks of a tensor of n elements.
constexpr index_t chunk_count(index_t n) { return (n + chunk_elements - 1) / chunk_elements; }

namespace detail {
template <std::size_t I, class V> struct leaf { V value; };
template <class Indices, class... S> struct leaves;
template <std::size_t... I, class... S>
struct leaves<std::index_sequence<I...>, S...> : leaf<I, typename S::view>... {};
template <std::size_t I, class V> MANGO_HD constexpr V leaf_value(const leaf<I, V>& l) { return l.value; }

// asks for an element-wise slot's memory, if it is one array
template <class View> MANGO_HOST_INLINE void ask_for(const View& v, index_t i) {
  if constexpr (requires { v.data; }) __builtin_prefetch(v.data + i);
}

// a number of the gradient, which is an array, or something that makes one up
template <class G, class At> MANGO_HOST_INLINE auto gradient_at(const G* from, At at) {
  if constexpr (requires { from->number(at); }) return from->number(at);
  else return load(from, at);
}

// f(stream, its key) for every slot that rounds; the last is the parameter's, left out unless it `draws`
template <std::size_t N, class F>
MANGO_HOST_INLINE void each_stream(const bool (&rounds)[N], bool draws, philox_key key, F f) {
  for (std::size_t stream = 0; stream < N; ++stream) {
    if (!rounds[stream] || (stream == N - 1 && !draws)) continue;
    key.stream = stream == N - 1 ? parameter_stream : static_cast<std::uint8_t>(stream);
    f(stream, key);
  }
}
}  // namespace detail

/// Views of all slots of one tensor.
template <class... S> using slot_views = detail::leaves<std::index_sequence_for<S...>, S...>;

/// One fused pass over one tensor. A value: everything it needs, and nothing it owns.
template <class Chain, class Target, class G, class... S> struct lanes {
  static_assert(static_cast<int>(sizeof...(S)) == slot_count<Chain>,
                "mango: give one store per state slot: stores<fp32, fp32> for Adam's m and v");

  typename Chain::frame frame;
  Target target;
  const G* gradient;
  slot_views<S...> slots;
  float gradient_scale;
  philox_key key;

  static constexpr bool rounds = (Target::rounds || ... || S::rounds);

  /// Elements [begin, end).
  void operator()(index_t begin, index_t end) const noexcept {
    lanes local = *this;  // its address never escapes, so no store of the loop can be thought to change it
    if constexpr (std::is_arithmetic_v<G> || half<G>) {
      local.pass(begin, end);
    } else {
      const G made_up = *gradient;
      local.gradient = &made_up;
      local.pass(begin, end);
    }
  }

 private:
  MANGO_HOST_INLINE void pass(index_t begin, index_t end) const {
    if constexpr (rounds) {
      noise_tile bits;
      constexpr auto tile = static_cast<index_t>(noise_elements);
      for (index_t i = begin - begin % tile; i < end; i += tile) {
        draw(bits, i);
        walk(begin > i ? begin : i, end - i < tile ? end : i + tile,
             [&](std::size_t stream, auto at) { return load_bits(&bits.draws[stream][at.i - i]); });
      }
    } else {
      walk(begin, end, [](std::size_t, auto) { return packet::bits{}; });
    }
  }

  static constexpr std::size_t slot_total = sizeof...(S);
  static constexpr bool slot_rounds[slot_total + 1] = {S::rounds..., Target::rounds};

  struct noise_tile {
    // the last row is the parameter's; a packet that is not whole reads past what there is
    std::uint16_t draws[slot_total + 1][noise_elements + packet::lanes];
  };
  MANGO_HOST_INLINE void draw(noise_tile& n, index_t first) const {
    detail::each_stream(slot_rounds, draws_for(target), key, [&](std::size_t stream, const philox_key& k) {
      fill_random16<noise_elements>(k, first, n.draws[stream]);
    });
  }

  template <class Noise> MANGO_HOST_INLINE void walk(index_t begin, index_t end, Noise noise) const {
    index_t i = begin;
    for (; i + packet::lanes <= end; i += packet::lanes) step(whole{i}, noise, std::index_sequence_for<S...>{});
    if (i < end) step(part_of{i, static_cast<int>(end - i)}, noise, std::index_sequence_for<S...>{});
  }

  template <class At, class Noise, std::size_t... I>
  MANGO_HOST_INLINE void step(At at, Noise noise, std::index_sequence<I...>) const {
    if constexpr (requires { target.sums; }) {
      const index_t ahead = at.i + prefetch_distance;
      __builtin_prefetch(gradient + ahead);
      target.prefetch(ahead);
      (detail::ask_for(detail::leaf_value<I>(slots), ahead), ...);
    }
    if constexpr (requires { gradient->ahead; }) target.prefetch(at.i + gradient->ahead);
    packet s[sizeof...(I) + 1] = {S::load(detail::leaf_value<I>(slots), at)...};
    const packet p = target.load(at);
    const auto u = Chain::template run<0>(frame, detail::gradient_at(gradient, at) * gradient_scale, p, s);
    (S::save(detail::leaf_value<I>(slots), at, s[I], noise(I, at)), ...);
    target.save(at, p, u, noise(slot_total, at));
  }
};

}  // namespace mango
