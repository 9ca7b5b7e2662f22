#pragma once
// The driver for factored stores: a walk over rows, some at a time, that decodes a slot from its row and column, runs
// the chain, writes p and the signs, and sums rows and columns for the next step: one pass, as many bytes as SGD.
#include "mango/pass/lanes.hpp"
#include "mango/pass/panel_scratch.hpp"

namespace mango::inline MANGO_ABI {

/// Row sums go to double precision after so many columns.
inline constexpr index_t flush_columns = 1024;

/// Elements that are looked at before they are moved, at a time.
inline constexpr index_t elements_seen = 8192;

/// One fused pass over one tensor, some of whose slots are factored; the others may be any element-wise store.
template <class Chain, class Target, class G, class... S> struct panels {
  static_assert(static_cast<int>(sizeof...(S)) == slot_count<Chain>,
                "mango: give one store per state slot: stores<factored<>, factored<>> for Adam's m and v");

  static_assert(!(block_store<S> || ...),
                "mango: a factored store and one with a scale per block do not go together: keep the other slot in "
                "fp32, bf16 or factored<>");

  typename Chain::frame frame;
  Target target;
  const G* gradient;
  slot_views<S...> slots;
  float gradient_scale;
  philox_key key;
  panel_scratch scratch;
  index_t lead = 0;  // elements between what is moved and what is fetched, where something looks at them in between

  static constexpr int factored_slots = (0 + ... + (factored_store<S> ? 1 : 0));
  static constexpr bool rounds = (Target::rounds || ... || S::rounds);

  /// One chunk of rows, given by its elements.
  void operator()(index_t begin, index_t) const noexcept {
    run(
        chunk_at(begin), [](index_t, index_t) {}, std::index_sequence_for<S...>{});
  }
  /// The same. look(from, to) is called for all of its elements, some rows at a time, right before they are moved: a
  /// chunk may be more than a cache holds. What is looked at next is fetched meanwhile.
  template <class Look> void operator()(index_t begin, index_t, const Look& look) const noexcept {
    panels ahead = *this;
    ahead.lead = rows_seen() * scratch.grid.columns;
    ahead.run(chunk_at(begin), look, std::index_sequence_for<S...>{});
  }

 private:
  static constexpr std::size_t slot_total = sizeof...(S);
  static constexpr bool slot_rounds[slot_total + 1] = {S::rounds..., Target::rounds};

  // every slot, bound to the rows at hand
  template <std::size_t Rows, class Indices> struct bound_rows;
  template <std::size_t Rows, std::size_t... I>
  struct bound_rows<Rows, std::index_sequence<I...>> : detail::leaf<I, detail::panel_slot<S, Rows>>... {};
  template <std::size_t Rows, class Indices> struct held_columns;
  template <std::size_t Rows, std::size_t... I>
  struct held_columns<Rows, std::index_sequence<I...>>
      : detail::leaf<I, typename detail::panel_slot<S, Rows>::held>... {};
  template <std::size_t I, class V> static MANGO_HOST_INLINE V& leaf_of(detail::leaf<I, V>& l) { return l.value; }

  // random bits for one stretch of some rows; the last line of a row is the parameter's
  template <std::size_t Rows> struct noise_tile {
    std::uint16_t draws[rounds ? Rows : 1][rounds ? slot_total + 1 : 1]
                       [rounds ? std::size_t{flush_columns} + noise_elements : 1];
    index_t from[Rows];  // where in `draws` the stretch begins
  };
  template <std::size_t Rows>
  MANGO_HOST_INLINE void draw(noise_tile<Rows>& n, index_t row, index_t begin, index_t end) const {
    for (std::size_t r = 0; r < Rows; ++r) {
      const index_t first = (row + static_cast<index_t>(r)) * scratch.grid.columns + begin, even = first / 64 * 64;
      n.from[r] = first - even;
      detail::each_stream(slot_rounds, draws_for(target), key, [&](std::size_t stream, const philox_key& k) {
        for (index_t i = 0; i < n.from[r] + end - begin; i += static_cast<index_t>(noise_elements))
          fill_random16<noise_elements>(k, even + i, n.draws[r][stream] + i);
      });
    }
  }

  index_t chunk_at(index_t begin) const { return begin / (scratch.grid.chunk_rows * scratch.grid.columns); }
  // rows that are looked at together
  index_t rows_seen() const {
    const index_t rows = elements_seen / scratch.grid.columns;
    return rows > panel_scratch::rows ? rows : panel_scratch::rows;
  }

  template <class Look, std::size_t... I>
  void run(index_t chunk, const Look& look, std::index_sequence<I...> each) const {
    const matrix_grid& grid = scratch.grid;
    const index_t first = chunk * grid.chunk_rows;
    const index_t last = first + grid.chunk_rows < grid.rows ? first + grid.chunk_rows : grid.rows;
    (clear<S>(scratch.sums(chunk, place<I>(), factored_slots)), ...);
    index_t seen = first;  // rows before this one
    const auto see = [&](index_t row) {
      if (row < seen) return;
      seen = row + rows_seen() < last ? row + rows_seen() : last;
      look(row * grid.columns, (seen - 1) * grid.columns + grid.width(seen - 1));
    };
    for (index_t row = first; row < last;) {
      const index_t stop = row + matrix_grid::flush_rows < last ? row + matrix_grid::flush_rows : last;
      for (; row + panel_scratch::rows <= stop && grid.width(row + panel_scratch::rows - 1) == grid.columns;
           row += panel_scratch::rows) {
        see(row);
        walk<panel_rows>(chunk, row, each);
      }
      for (; row < stop; ++row) {
        see(row);
        walk<1>(chunk, row, each);
      }
      (flush<S>(scratch.sums(chunk, place<I>(), factored_slots)), ...);
    }
  }
  // how many factored slots come before slot I
  template <std::size_t I> static consteval int place() {
    constexpr bool is_factored[] = {factored_store<S>...};
    int before = 0;
    for (std::size_t i = 0; i != I; ++i) before += is_factored[i] ? 1 : 0;
    return before;
  }
  template <class Store> void clear(const detail::column_sums& s) const {
    if constexpr (factored_store<Store>)
      std::memset(s.sum, 0, static_cast<std::size_t>(12 * panel_scratch::padded(scratch.grid.columns)));
  }
  template <class Store> void flush(const detail::column_sums& s) const {
    if constexpr (factored_store<Store>)
      for (index_t j = 0; j < scratch.grid.columns; j += packet::lanes) {  // both are padded to whole packets
        detail::add_to_doubles(s.sum + j, load(s.recent + j));
        save(s.recent + j, packet(0.0f));
      }
  }

  template <std::size_t Rows, std::size_t... I>
  MANGO_HOST_INLINE void walk(index_t chunk, index_t row, std::index_sequence<I...> each) const {
    const index_t width = scratch.grid.width(row);
    bound_rows<Rows, std::index_sequence<I...>> w{{detail::panel_slot<S, Rows>(
        detail::leaf_value<I>(slots), scratch.sums(chunk, place<I>(), factored_slots))}...};
    for (std::size_t r = 0; r < Rows; ++r) {
      const index_t i = row + static_cast<index_t>(r);
      (leaf_of<I>(w).start(r, i, i * scratch.grid.columns, get_signs<I>(chunk, r, i)), ...);
    }
    noise_tile<Rows> noise;
    for (index_t j = 0; j < width; j += flush_columns) {
      const index_t stop = width - j < flush_columns ? width : j + flush_columns;
      if constexpr (rounds) draw<Rows>(noise, row, j, stop);
      stretch<Rows>(w, noise, row, j, stop, width, each);
    }
    for (std::size_t r = 0; r < Rows; ++r) (put<I>(leaf_of<I>(w), chunk, r, row + static_cast<index_t>(r)), ...);
  }

  template <std::size_t Rows, class Bound, std::size_t... I>
  MANGO_HOST_INLINE void stretch(Bound& w, const noise_tile<Rows>& noise, index_t row, index_t begin, index_t end,
                                 index_t width, std::index_sequence<I...> each) const {
    // copies whose addresses never escape: no store of the loop can be thought to change them
    const panels local = *this;
    Bound v = w;
    // past the end of these rows come the next ones
    const index_t wrap = static_cast<index_t>(Rows) * scratch.grid.columns - width;
    constexpr index_t line = packet::lanes < 16 ? 16 : packet::lanes;  // what one prefetch brings
    index_t j = begin;
    for (; j + line <= end; j += line) {
      const index_t ahead = j + prefetch_distance;
      local.template prefetch<Rows>(row, lead > 0 ? j + lead : ahead < width ? ahead : ahead + wrap);
      MANGO_UNROLL_4
      for (index_t k = 0; k < line; k += packet::lanes)
        local.template columns<Rows>(v, noise, row, begin, whole{j + k}, each);
    }
    for (; j + packet::lanes <= end; j += packet::lanes)
      local.template columns<Rows>(v, noise, row, begin, whole{j}, each);
    if (j < end) local.template columns<Rows>(v, noise, row, begin, part_of{j, static_cast<int>(end - j)}, each);
    (leaf_of<I>(w).add_rows(leaf_of<I>(v)), ...);
  }

  template <std::size_t Rows> MANGO_HOST_INLINE void prefetch(index_t row, index_t ahead) const {
    for (std::size_t r = 0; r < Rows; ++r) {
      const index_t at = (row + static_cast<index_t>(r)) * scratch.grid.columns + ahead;
      __builtin_prefetch(gradient + at);
      target.prefetch(at);
    }
  }

  // some columns of all rows at hand
  template <std::size_t Rows, class Bound, class At, std::size_t... I>
  MANGO_HOST_INLINE void columns(Bound& w, const noise_tile<Rows>& noise, index_t row, index_t begin, At at,
                                 std::index_sequence<I...> each) const {
    held_columns<Rows, std::index_sequence<I...>> held{{leaf_of<I>(w).hold(at)}...};
    cells(w, held, noise, row, begin, at, each, std::make_index_sequence<Rows>{});
    (leaf_of<I>(w).release(leaf_of<I>(held), at), ...);
  }

  template <class Bound, class Held, class Noise, class At, class Each, std::size_t... R>
  MANGO_HOST_INLINE void cells(Bound& w, Held& held, const Noise& noise, index_t row, index_t begin, At at, Each each,
                               std::index_sequence<R...>) const {
    (cell<R>(w, held, noise, row + static_cast<index_t>(R), begin, at, each), ...);
  }

  template <std::size_t R, class Bound, class Held, class Noise, class At, std::size_t... I>
  MANGO_HOST_INLINE void cell(Bound& w, Held& held, const Noise& noise, index_t row, index_t begin, At at,
                              std::index_sequence<I...>) const {
    const index_t base = row * scratch.grid.columns;
    At here = at;
    here.i += base;
    const packet g = load(gradient, here);
    const packet::mask moves = g != packet(0.0f);
    packet s[slot_total + 1] = {leaf_of<I>(w).template load<R>(leaf_of<I>(held), at, moves)...};
    const packet p = target.load(here);
    const auto u = Chain::template run<0>(frame, g * gradient_scale, p, s);
    (leaf_of<I>(w).template save<R>(leaf_of<I>(held), at, s[I], bits<R, I>(noise, at.i - begin)), ...);
    target.save(here, p, u, bits<R, slot_total>(noise, at.i - begin));
  }
  template <std::size_t R, std::size_t Stream, class Noise>
  static MANGO_HOST_INLINE packet::bits bits(const Noise& noise, index_t i) {
    if constexpr (slot_rounds[Stream]) return load_bits(noise.draws[R][Stream] + noise.from[R] + i);
    else return packet::bits{};
  }

  // a row of signs that starts inside a byte is worked on where it starts at one
  bool aligned() const { return scratch.grid.columns % 8 == 0; }
  template <std::size_t I> std::uint8_t* get_signs(index_t chunk, std::size_t r, index_t row) const {
    if constexpr (has_signs<I>) {
      std::uint8_t* flat = detail::leaf_value<I>(slots).signs;
      const index_t first = row * scratch.grid.columns;
      if (aligned()) return flat + first / 8;
      std::uint8_t* out = scratch.sign_row(chunk, place<I>(), factored_slots, r);
      detail::read_signs(flat, first, scratch.grid.width(row), out);
      return out;
    } else {
      return nullptr;
    }
  }
  template <std::size_t I, class Slot> void put(Slot& s, index_t chunk, std::size_t r, index_t row) const {
    s.finish(r, row);
    if constexpr (has_signs<I>)
      if (!aligned())
        detail::write_signs(detail::leaf_value<I>(slots).signs, row * scratch.grid.columns, scratch.grid.width(row),
                            scratch.sign_row(chunk, place<I>(), factored_slots, r));
  }
  template <std::size_t I>
  static constexpr bool has_signs = [] {
    constexpr bool each[] = {[] {
      if constexpr (factored_store<S>) return S::has_signs;
      else return false;
    }()...};
    return each[I];
  }();
};

}  // namespace mango
