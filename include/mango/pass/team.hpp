#pragma once
// Who holds the numbers of one block: a host thread alone, or the 32 lanes of a warp between them.
#include "mango/core/config.hpp"

namespace mango::inline MANGO_ABI {

/// One thread that holds a whole block. Any team has these three members; see tests/support/warp.hpp for one of 32.
struct solo {
  static constexpr int size = 1;
  MANGO_HD int rank() const { return 0; }
  /// The largest x of all members, given to each.
  MANGO_HD float max(float x) const { return x; }
};

}  // namespace mango
