#pragma once
// The choices of a projection that have a name.
#include "mango/core/types.hpp"

namespace mango::inline MANGO_ABI {

/// Which side of a gradient G (m x n) the basis multiplies.
///   left      R = P^T G (r x n), P m x r      right   R = G Q^T (m x r), Q r x n
///   std       the shorter side: right if m >= n, else left, as GaLore does
///   reverse_std   the longer side: fewer bytes of state, more of basis
enum class projection_side : std::uint8_t { std, reverse_std, left, right };

/// "std", "reverse_std", "left" or "right".
constexpr const char* name_of(projection_side s) {
  switch (s) {
    case projection_side::std: return "std";
    case projection_side::reverse_std: return "reverse_std";
    case projection_side::left: return "left";
    default: return "right";
  }
}

/// How a basis is kept: 4, 2, 1.016 or 0.53 bytes per number. It is decoded for a step, the same both ways.
enum class basis_store : std::uint8_t { fp32, bf16, dynamic8, nf4 };

/// "fp32", "bf16", "dynamic8" or "nf4".
constexpr const char* name_of(basis_store s) {
  switch (s) {
    case basis_store::bf16: return "bf16";
    case basis_store::dynamic8: return "dynamic8";
    case basis_store::nf4: return "nf4";
    default: return "fp32";
  }
}

/// With C = P_new^T P_old:
///   rotate   M <- C M and V <- (C o C) V: the part of a momentum that survives is the same in the new basis, and
///            second moments stay positive, as if coordinates were uncorrelated
///   none     as they are, in a basis that they do not belong to, as the published GaLore does
///   reset    0, and bias correction starts anew
enum class moment_transport : std::uint8_t { rotate, none, reset };

/// "rotate", "none" or "reset".
constexpr const char* name_of(moment_transport t) {
  switch (t) {
    case moment_transport::none: return "none";
    case moment_transport::reset: return "reset";
    default: return "rotate";
  }
}

}  // namespace mango
