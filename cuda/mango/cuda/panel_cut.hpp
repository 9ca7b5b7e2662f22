#pragma once
// How the matrix of a factored slot is cut into the work of warps and blocks.
#include "mango/core/matrix_grid.hpp"

namespace mango::inline MANGO_ABI::cuda {

/// A warp takes a tile, 32 lanes of `width` columns, down `rows_per_tile` rows; the eight warps of a block take some
/// tiles beside each other (their row sums are added in the block) and below. All this follows from the shape alone, so
/// sums have one order, whatever else is in a step.
struct panel_cut {
  static constexpr int warps = 8;
  /// Column sums are single precision for so many rows, four of which are added first.
  static constexpr index_t rows_per_tile = 64;

  index_t elements = 0, rows = 0, columns = 0;
  int width = 4;       ///< columns of a lane: 4 where rows are whole bytes of signs and memory is aligned, or 1
  index_t strips = 0;  ///< blocks beside each other
  int abreast = 1;     ///< warps of a block beside each other

  panel_cut() = default;
  panel_cut(const matrix_grid& g, bool aligned) : elements(g.elements), rows(g.rows), columns(g.columns) {
    width = aligned && columns % 8 == 0 ? 4 : 1;
    const index_t across = 32 * width, tiles = (columns + across - 1) / across;
    while (abreast < warps && tiles % (2 * abreast) == 0) abreast *= 2;
    strips = tiles / abreast;
  }
  MANGO_HD index_t rows_per_block() const { return rows_per_tile * (warps / abreast); }
  /// Tiles below each other.
  MANGO_HD index_t tiles_down() const { return (rows + rows_per_tile - 1) / rows_per_tile; }
  /// Blocks of threads.
  MANGO_HD index_t parts() const { return strips * ((rows + rows_per_block() - 1) / rows_per_block()); }
  /// Columns of a row: all, except in the last row of a ragged matrix.
  MANGO_HD index_t width_of(index_t row) const {
    const index_t left = elements - row * columns;
    return left < columns ? left : columns;
  }
  /// Of one slot: first row sums, strip by strip, then column sums, tile by tile.
  MANGO_HD index_t partial_floats() const { return strips * rows + tiles_down() * columns; }
};

}  // namespace mango::inline MANGO_ABI::cuda
