#pragma once
// What the panels driver keeps while a tensor is moved: sums of columns, chunk by chunk, and rows of signs.
#include "mango/core/matrix_grid.hpp"
#include "mango/pass/panel_slot.hpp"
#include "mango/pass/sign_row.hpp"

namespace mango::inline MANGO_ABI {

/// Rows that share one read of the columns and their sums. Measured: bench/step --benchmark_filter=factored.
inline constexpr std::size_t panel_rows = 2;
/// The scratch of one tensor's factored slots: column sums of every chunk, and sign rows that start inside a byte.
struct panel_scratch {
  std::byte* memory = nullptr;
  matrix_grid grid;

  static constexpr auto rows = static_cast<index_t>(panel_rows);
  static constexpr index_t padded(index_t columns) { return (columns + 15) / 16 * 16; }
  /// Of one chunk, for a number of factored slots.
  static constexpr index_t chunk_bytes(const matrix_grid& g, int slots) {
    return slots * (12 * padded(g.columns) + (rows * detail::sign_row_bytes(g.columns) + 15) / 16 * 16);
  }
  static constexpr index_t bytes(const matrix_grid& g, int slots) { return g.chunks() * chunk_bytes(g, slots); }

  detail::column_sums sums(index_t chunk, int slot, int slots) const {
    auto* at = memory + chunk * chunk_bytes(grid, slots) + slot * 12 * padded(grid.columns);
    auto* sum = reinterpret_cast<double*>(at);
    return {sum, reinterpret_cast<float*>(sum + padded(grid.columns))};
  }
  std::uint8_t* sign_row(index_t chunk, int slot, int slots, std::size_t row) const {
    auto* at = memory + chunk * chunk_bytes(grid, slots) + slots * 12 * padded(grid.columns);
    return reinterpret_cast<std::uint8_t*>(at) +
           (slot * rows + static_cast<index_t>(row)) * detail::sign_row_bytes(grid.columns);
  }
};

namespace detail {
// Several doubles at any address, by value: a reference to them would promise an alignment
#if MANGO_LANES > 1
using doubles = half_doubles;
typedef float half_floats __attribute__((vector_size(2 * MANGO_LANES), aligned(4), may_alias));
inline doubles load_doubles(const double* x) { return *reinterpret_cast<const unaligned_doubles*>(x); }
inline void save_doubles(double* to, doubles x) { *reinterpret_cast<unaligned_doubles*>(to) = x; }
inline void save_floats(float* to, doubles x) {
  *reinterpret_cast<half_floats*>(to) = __builtin_convertvector(x, half_floats);
}
inline double total_of(doubles x) { return sum_halves(x, std::make_index_sequence<half_lanes / 2>{}); }
#else
using doubles = double;
inline doubles load_doubles(const double* x) { return *x; }
inline void save_doubles(double* to, doubles x) { *to = x; }
inline void save_floats(float* to, doubles x) { *to = static_cast<float>(x); }
inline double total_of(doubles x) { return x; }
#endif
}  // namespace detail

/// When all chunks of a tensor are done: the columns of factored slot `slot` become the sums over all chunks, in their
/// order, normalised to 1 in total (all zero when the total is).
inline void finish_columns(float* columns, const panel_scratch& scratch, int slot, int slots) {
  using detail::doubles, detail::load_doubles, detail::save_doubles;
  const matrix_grid& grid = scratch.grid;
  // sums are padded with zeros to whole packets
  constexpr auto lanes = static_cast<index_t>(sizeof(doubles) / sizeof(double));
  double* const all = scratch.sums(0, slot, slots).sum;
  for (index_t c = 1; c < grid.chunks(); ++c) {
    const double* more = scratch.sums(c, slot, slots).sum;
    for (index_t j = 0; j < grid.columns; j += lanes)
      save_doubles(all + j, load_doubles(all + j) + load_doubles(more + j));
  }
  doubles sum{};
  for (index_t j = 0; j < grid.columns; j += lanes) {
    const doubles x = detail::saturated(load_doubles(all + j));
    save_doubles(all + j, x);
    sum += x;
  }
  const double total = detail::total_of(sum);
  if (!(total > 0)) {
    std::memset(columns, 0, static_cast<std::size_t>(grid.columns) * sizeof(float));
    return;
  }
  index_t j = 0;
  for (; j + lanes <= grid.columns; j += lanes) detail::save_floats(columns + j, load_doubles(all + j) / total);
  for (; j < grid.columns; ++j) columns[j] = static_cast<float>(all[j] / total);
}

}  // namespace mango
