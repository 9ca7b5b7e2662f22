#pragma once
// What a slot is to the panels driver: read and written row by row, with its sums folded in while it is written.
#include "mango/core/lane_bits.hpp"
#include "mango/core/math.hpp"
#include "mango/pass/tally.hpp"
#include "mango/store/factored.hpp"
#include "mango/store/fp32.hpp"

namespace mango::inline MANGO_ABI::detail {

/// The memory that one chunk of one factored slot sums its columns in. `sum` is complete when the chunk is; `recent`
/// holds the rows since the last flush.
struct column_sums {
  double* sum;
  float* recent;
};

/// A sum, or the largest float where it is more: an infinite one would make NaN of every number beside a zero.
template <class Doubles> inline Doubles saturated(Doubles sum) {
  const Doubles most = Doubles{} + static_cast<double>(__FLT_MAX__);
  return sum > most ? most : sum;
}

// An element-wise store beside factored ones: nothing to sum.
template <class S, std::size_t Rows> struct panel_slot {
  static constexpr bool rounds = S::rounds;
  typename S::view view;
  index_t first[Rows];  // of each row

  panel_slot(const typename S::view& v, const column_sums&) : view(v) {}
  void start(std::size_t row, index_t, index_t begin, std::uint8_t*) { first[row] = begin; }
  void finish(std::size_t, index_t) {}
  void add_rows(const panel_slot&) {}

  struct held {};
  template <class At> MANGO_HOST_INLINE held hold(At) const { return {}; }
  template <std::size_t Row, class At> MANGO_HOST_INLINE packet load(const held&, At at, packet::mask) const {
    at.i += first[Row];
    return S::load(view, at);
  }
  template <std::size_t Row, class At> MANGO_HOST_INLINE void save(held&, At at, packet x, packet::bits noise) {
    at.i += first[Row];
    S::save(view, at, x, noise);
  }
  template <class At> MANGO_HOST_INLINE void release(const held&, At) const {}
};

// A factored store. Rows are read and written in place, since no other row needs them; columns are read while their new
// sums grow beside them.
template <class S, std::size_t Rows>
requires factored_store<S>
struct panel_slot<S, Rows> {
  static constexpr bool rounds = false;
  typename S::view view;
  column_sums sums;
  packet row_value[Rows], row_sum[Rows];
  double row_total[Rows];
  std::uint8_t* signs[Rows];  // of each row, from its first column on

  panel_slot(const typename S::view& v, const column_sums& s) : view(v), sums(s) {}
  void start(std::size_t row, index_t i, index_t, std::uint8_t* bits) {
    row_value[row] = packet(view.rows[i]);
    row_sum[row] = packet(0.0f);
    row_total[row] = 0;
    signs[row] = bits;
  }
  void finish(std::size_t row, index_t i) { view.rows[i] = static_cast<float>(saturated(row_total[row])); }
  // float sums of a stretch of columns, in double from here on
  MANGO_HOST_INLINE void add_rows(const panel_slot& stretch) { add_rows(stretch, std::make_index_sequence<Rows>{}); }

  // what all rows share of some columns
  struct held {
    packet column, sum;
  };
  template <class At> MANGO_HOST_INLINE held hold(At at) const {
    return {mango::load(view.columns, at), mango::load(sums.recent, at)};
  }
  template <std::size_t Row, class At> MANGO_HOST_INLINE packet load(const held& h, At at, packet::mask moves) const {
    packet x = row_value[Row] * h.column;
    if constexpr (S::has_signs) x = with_signs(bits_at(signs[Row], at), x);
    if constexpr (S::is_lazy) x = math::select(moves, x, packet(0.0f));
    return x;
  }
  template <std::size_t Row, class At> MANGO_HOST_INLINE void save(held& h, At at, packet x, packet::bits) {
    packet magnitude = x;
    if constexpr (S::has_signs) {
      save_bits(signs[Row], at, positive_bits(x));
      magnitude = math::abs(x);
    }
    if constexpr (requires { at.count; }) magnitude = math::select(first_lanes(at.count), magnitude, packet(0.0f));
    h.sum += magnitude;
    row_sum[Row] += magnitude;
  }
  template <class At> MANGO_HOST_INLINE void release(const held& h, At at) const {
    mango::save(sums.recent, at, h.sum);
  }

 private:
  template <std::size_t... Row>
  MANGO_HOST_INLINE void add_rows(const panel_slot& stretch, std::index_sequence<Row...>) {
    ((row_total[Row] += mango::detail::sum(stretch.row_sum[Row])), ...);
  }
  static MANGO_HOST_INLINE std::uint32_t bits_at(const std::uint8_t* row, whole at) {
    if constexpr (packet::lanes == 16) {
      std::uint16_t two;
      std::memcpy(&two, row + at.i / 8, 2);
      return two;
    } else {
      return std::uint32_t{row[at.i / 8]} >> at.i % 8;
    }
  }
  // the last columns of a row: what comes after it may not be ours to read
  static MANGO_HOST_INLINE std::uint32_t bits_at(const std::uint8_t* row, part_of at) {
    const auto shift = static_cast<int>(at.i % 8);
    std::uint32_t bits = row[at.i / 8];
    if (shift + at.count > 8) bits |= std::uint32_t{row[at.i / 8 + 1]} << 8;
    return bits >> shift;
  }
  static MANGO_HOST_INLINE void save_bits(std::uint8_t* row, whole at, std::uint32_t bits) {
    std::uint8_t* to = row + at.i / 8;
    if constexpr (packet::lanes == 16) {
      const auto two = static_cast<std::uint16_t>(bits);
      std::memcpy(to, &two, 2);
    } else if constexpr (packet::lanes == 8) {
      *to = static_cast<std::uint8_t>(bits);
    } else {
      replace(to, bits, (1u << packet::lanes) - 1, static_cast<int>(at.i % 8));
    }
  }
  // the last columns of a row: bits beyond it belong to another
  static MANGO_HOST_INLINE void save_bits(std::uint8_t* row, part_of at, std::uint32_t bits) {
    std::uint8_t* to = row + at.i / 8;
    const auto shift = static_cast<int>(at.i % 8);
    std::uint32_t valid = (1u << at.count) - 1;
    replace(to, bits, valid, shift);
    if (shift + at.count > 8) replace(to + 1, bits >> (8 - shift), valid >> (8 - shift), 0);
  }
  static MANGO_HOST_INLINE void replace(std::uint8_t* byte, std::uint32_t bits, std::uint32_t valid, int shift) {
    const std::uint32_t mask = valid << shift;
    *byte = static_cast<std::uint8_t>((*byte & ~mask) | ((bits & valid) << shift));
  }
};

}  // namespace mango
