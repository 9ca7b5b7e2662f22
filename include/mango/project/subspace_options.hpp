#pragma once
// How a gradient's subspace is chosen and followed.
#include "mango/project/projection.hpp"
#include "mango/rule/hyperparameter.hpp"

namespace mango::inline MANGO_ABI {

/// The subspace of most of the gradient. Defaults are those of GaLore's code for rank, scale and side; the basis is
/// refreshed more often, since a refresh costs about a step, not a decomposition.
struct subspace_options {
  index_t rank = 128;          ///< [1, 1e9]; no more than the shorter side of a matrix is used
  index_t refresh_every = 20;  ///< updates of a tensor between two refreshes of its basis; at least 1
  double scale = 0.25;         ///< of the update when it comes back to the full space
  projection_side side = projection_side::std;
  moment_transport transport = moment_transport::rotate;
  basis_store basis = basis_store::fp32;
  bool staggered = true;  ///< tensors take turns: the first refresh after the start depends on the tensor's name

  static constexpr bool keeps_basis = true;
  projection of(const shape& s) const { return projection_of(s, rank, side); }
  double back(const projection&) const { return scale; }

  template <class F> void hyperparameters(F&& f) const {
    f("rank", static_cast<double>(rank), interval{1, 1e9});
    f("refresh_every", static_cast<double>(refresh_every), interval{1, 1e12});
    f("scale", scale, interval{0, 1e30, true});
    f("side", name_of(side));
    f("transport", name_of(transport));
    f("basis", name_of(basis));
    f("staggered", staggered ? "yes" : "no");
  }

  /// Whether update number t = 1, 2, ... of the tensor with this hash starts with a refresh.
  bool due(std::int64_t t, std::uint32_t hash) const {
    const auto turn = staggered ? static_cast<std::int64_t>(hash) % refresh_every : 0;
    return t == 1 || (t - 1) % refresh_every == turn;
  }
};

}  // namespace mango
