#pragma once
// Going on after something has failed. Without exceptions (-fno-exceptions) nothing comes back from an error.
#include <exception>

#include "mango/core/config.hpp"

namespace mango::inline MANGO_ABI::detail {

// what f() threw, or null
template <class F> std::exception_ptr attempt(F&& f) noexcept {
#if defined(__cpp_exceptions)
  try {
    f();
  } catch (...) {
    return std::current_exception();
  }
#else
  f();
#endif
  return nullptr;
}

}  // namespace mango::inline MANGO_ABI::detail
