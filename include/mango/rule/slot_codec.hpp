#pragma once
// A slot by itself, through the pass of any store: what it keeps comes out as numbers, or numbers become what it keeps.
#include "mango/rule/rule.hpp"

namespace mango::inline MANGO_ABI::detail {

/// x comes out as the update; if it writes, it is the gradient from then on.
template <range R> struct slot_codec {
  bool writes = false;

  static constexpr std::array slots{slot{"x", R}};
  struct frame {
    bool writes;
  };
  MANGO_HOST_DEVICE frame fold(const step_info&) const { return {writes}; }
  template <class T> MANGO_HD static T apply(const frame& f, T u, T& x) {
    if (f.writes) x = u;
    return x;
  }
};

}  // namespace mango::inline MANGO_ABI::detail
