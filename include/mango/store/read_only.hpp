#pragma once
// A store that a pass reads and leaves as it is.
#include "mango/store/store.hpp"

namespace mango::inline MANGO_ABI {

/// S, without writing: a pass that finds something out runs rules whose slots are another pass's to write.
template <class S> struct read_only : S {
  static constexpr bool rounds = false;
  template <class... Arguments> MANGO_HD static void save(const Arguments&...) {}
  template <std::size_t, class... Arguments> MANGO_HD static bool save_blocks(const Arguments&...) { return true; }
};

namespace detail {
template <class S> inline constexpr bool is_read_only = false;
template <class S> inline constexpr bool is_read_only<read_only<S>> = true;
}  // namespace detail

}  // namespace mango
