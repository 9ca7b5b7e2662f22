#pragma once
// Matrices in somebody's memory.
#include "mango/core/types.hpp"

namespace mango::inline MANGO_ABI {

/// A row-major matrix, not owned: `ld` elements lie between the starts of two rows.
template <class T> struct matrix_view {
  T* data = nullptr;
  index_t rows = 0, cols = 0, ld = 0;
};

}  // namespace mango
