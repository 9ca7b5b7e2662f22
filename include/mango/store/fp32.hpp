#pragma once
// A slot as it is computed: one float per number.
#include "mango/store/store.hpp"

namespace mango::inline MANGO_ABI {

/// 32 bits per number, exact.
struct fp32 {
  static constexpr const char* name = "fp32";
  static constexpr double bits = 32;
  static constexpr std::array parts{part{"data", dtype::f32}};
  static constexpr bool rounds = false;
  static index_t elements(int, const shape& s) { return s.elements(); }

  struct view {
    float* data;
  };
  static view bind(std::byte* const* at) { return {reinterpret_cast<float*>(at[0])}; }
  template <class At> MANGO_HD static auto load(view s, At at) { return mango::load(s.data, at); }
  template <class At> MANGO_HD static void save(view s, At at, typename At::number x, typename At::bits) {
    mango::save(s.data, at, x);
  }
};

}  // namespace mango
