#pragma once
// What a projected tensor keeps beside its slots, and where things lie in its scratch.
#include "mango/optim/projected_basis.hpp"
#include "mango/project/projected_chain.hpp"
#include "mango/project/subspace.hpp"
#include "mango/project/transport.hpp"

namespace mango::inline MANGO_ABI::detail {

inline double& subspace_memory_of(const tensor_record& t) {
  return *reinterpret_cast<double*>(t.state + t.layout.parts[t.layout.learned].offset);
}
// behind the slots: mean squares of rows and columns of what comes back
inline void append_moment(state_layout& out, const projection& p) {
  out.learned = out.parts.size();
  out.append("v", "rows", "fp32", dtype::f32, original_rows(p), 0, range::nonnegative);
  out.append("v", "columns", "fp32", dtype::f32, original_columns(p), 0, range::nonnegative);
}
struct moment_view {
  float *row, *column;
  float* other(const projection& p) const { return p.right ? row : column; }
  float* sliced(const projection& p) const { return p.right ? column : row; }
  /// For a step after which `updates` have been averaged.
  row_column_divisor divisor(const projection& p, const projfactor_options& s, std::int64_t updates) const {
    double total = 0;
    for (index_t i = 0; i < original_rows(p); ++i) total += static_cast<double>(row[i]);
    const double bc2 = 1 - __builtin_pow(s.b2, static_cast<double>(updates));
    return {row, column, original_columns(p), static_cast<float>(total > 0 ? 1 / (total * bc2) : 0),
            static_cast<float>(s.eps)};
  }
};
inline moment_view moment_of(const tensor_record& t) {
  const auto at = [&](std::size_t k) {
    return reinterpret_cast<float*>(t.state + t.layout.parts[t.layout.learned + k].offset);
  };
  return {at(0), at(1)};
}
// random numbers of a refresh: of another stream than rounding's
inline philox_key subspace_key(philox_key key) {
  key.stream = 0xc0;
  return key;
}

/// Directions beside the basis that a refresh starts with.
constexpr index_t extra_directions(const projection& p, bool cold) {
  const index_t most = sketch_count(p) - p.rank, warm = warm_extra < most ? warm_extra : most;
  return cold ? most : warm;
}

/// Where a projected tensor's numbers are: the basis, in its state or in its scratch; and in its scratch R,
/// which becomes the update; P_new^T P_old; P_old, and moments on their way; what the inner chain's passes and
/// refreshes work in.
template <class Space> struct projected_room {
  float *basis, *compact, *overlap, *moved, *factors;
  std::byte *work, *inner, *search;

  /// `decoded`: the basis lies in scratch during a step, since it is drawn for it, or kept in codes.
  static std::size_t bytes(const projection& p, std::size_t inner_bytes, bool decoded) {
    return cut(p, inner_bytes, decoded).end;
  }
  explicit projected_room(const tensor_record& t) {
    const bool decoded = !Space::keeps_basis || keeps_codes(t);
    const auto at = cut(t.layout.projection, t.compact->layout.scratch, decoded);
    basis = decoded ? floats(t, at.basis) : whole_basis_of(t);
    compact = floats(t, 0);
    overlap = floats(t, at.overlap);
    moved = floats(t, at.moved);
    factors = floats(t, at.factors);
    work = t.scratch + at.work;
    inner = t.scratch + at.inner;
    search = t.scratch + at.search;
  }

 private:
  struct places {
    std::size_t basis, overlap, moved, factors, work, inner, search, end;
  };
  static places cut(const projection& p, std::size_t inner_bytes, bool decoded) {
    const index_t longer = p.rows > p.cols ? p.rows : p.cols, moves = Space::keeps_basis ? p.rank : 0;
    places at{};
    at.basis = bytes_of(p.rank * p.compact_length());
    at.overlap = at.basis + bytes_of(decoded ? p.basis_elements() : 0);
    at.moved = at.overlap + bytes_of(moves * p.rank);
    at.factors = at.moved + bytes_of(moves * longer);
    at.work = at.factors + bytes_of(factored_room(p, Space::keeps_basis ? sketch_count(p) : p.rank));
    at.inner = at.work + (divides<Space> ? moment_room::bytes(p) : 0);
    at.search = at.inner + (inner_bytes + 7) / 8 * 8;
    at.end = at.search + (Space::keeps_basis ? (subspace_room::bytes(p) + 7) / 8 * 8 : 0);
    return at;
  }
  static std::size_t bytes_of(index_t floats) { return (static_cast<std::size_t>(floats) * sizeof(float) + 7) / 8 * 8; }
  static float* floats(const tensor_record& t, std::size_t at) { return reinterpret_cast<float*>(t.scratch + at); }
};

/// For every slot: its numbers in the old basis become those in the new one.
template <class Backend, class Inner, class Space> struct transport_slots {
  const Backend& on;
  const projection& p;
  matrix_view<float> overlap;
  const projected_room<Space>& room;
  const tensor_record& compact;
  philox_key key;

  template <class Store> void operator()(const typename Store::view& v, int slot) const {
    if (Inner::slots[static_cast<std::size_t>(slot)].values == range::any) move<Store, range::any>(v, slot);
    else move<Store, range::nonnegative>(v, slot);
  }

 private:
  template <class Store, range R> void move(const typename Store::view& v, int slot) const {
    const index_t n = compact.elements();
    for (index_t i = 0; i < n; ++i) room.compact[i] = 1;  // a factored slot has no number where the gradient is 0
    code_slot<Store, R>(compact, v, false, room.compact, key);
    auto* const squares = reinterpret_cast<float*>(room.search);  // the search is over
    if (R == range::nonnegative)
      for (index_t i = 0; i < p.rank * p.rank; ++i) squares[i] = overlap.data[i] * overlap.data[i];
    const matrix_view<float> c{R == range::nonnegative ? squares : overlap.data, p.rank, p.rank, p.rank};
    transport(on, p, c, p.compact_vectors(room.compact, p.rank), p.compact_vectors(room.moved, p.rank));
    philox_key rounding = key;
    rounding.stream = static_cast<std::uint8_t>(key.stream + 1 + slot);
    code_slot<Store, R>(compact, v, true, room.moved, rounding);
  }
};

inline void clear_slots(const tensor_record& t) {
  for (const auto& p : t.layout.parts)
    if (p.elements > 0) std::memset(t.state + p.offset, p.fill, static_cast<std::size_t>(p.elements * size_of(p.type)));
}

}  // namespace mango::inline MANGO_ABI::detail
