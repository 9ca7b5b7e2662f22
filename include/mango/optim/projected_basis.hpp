#pragma once
// The basis of a projected tensor in its state, in any of the stores that it may have; and a slot as numbers.
#include "mango/optim/kernels.hpp"
#include "mango/project/projected_chain.hpp"
#include "mango/rule/slot_codec.hpp"
#include "mango/store/dynamic8.hpp"
#include "mango/store/nf4.hpp"

namespace mango::inline MANGO_ABI::detail {

/// Reads n numbers from a store that keeps each, or each block, by itself; or writes them.
template <class Store, range R>
void code_numbers(index_t n, const typename Store::view& v, bool writes, float* numbers, const philox_key& key) {
  using codec = decltype(chain(slot_codec<R>{}));
  slot_views<Store> views{};
  static_cast<leaf<0, typename Store::view>&>(views).value = v;
  driver<codec, into<float>, float, Store>{{{writes}, {}}, {numbers, numbers}, numbers, views, 1, key}(0, n);
}
/// Reads the numbers of a slot, or writes them, whatever its store.
template <class Store, range R>
void code_slot(const tensor_record& t, const typename Store::view& v, bool writes, float* numbers,
               const philox_key& key) {
  if constexpr (factored_store<Store>) {
    using codec = decltype(chain(slot_codec<R>{}));
    slot_views<Store> views{};
    static_cast<leaf<0, typename Store::view>&>(views).value = v;
    const panel_scratch scratch{t.scratch, t.layout.grid};
    const panels<codec, into<float>, float, Store> pass{{{writes}, {}}, {numbers, numbers}, numbers, views, 1, key,
                                                        scratch};
    for (index_t c = 0; c < t.layout.chunks; ++c) pass(t.layout.grid.first(c), t.layout.grid.first(c + 1));
    finish_columns(v.columns, scratch, 0, 1);
  } else {
    code_numbers<Store, R>(t.elements(), v, writes, numbers, key);
  }
}

// f.template operator()<Store>() for the store of a basis; codes of 4 bits have their scales in half precision
template <class F> auto with_basis_store(basis_store s, const F& f) {
  switch (s) {
    case basis_store::bf16: return f.template operator()<bf16>();
    case basis_store::dynamic8: return f.template operator()<bound_store<dynamic8<>, range::any>>();
    case basis_store::nf4: return f.template operator()<bound_store<nf4<64, rounding::nearest, float16>, range::any>>();
    default: return f.template operator()<fp32>();
  }
}

// behind the slots: when the basis was found, 0 for not yet, and the basis, one vector after the other
inline void append_subspace(state_layout& out, const projection& p, basis_store how) {
  out.learned = out.parts.size();
  out.append("subspace", "refreshed", "f64", dtype::f64, 1);
  with_basis_store(how, [&]<class Store>() {
    int k = 0;
    for (const part& each : Store::parts)
      out.append("basis", each.name, Store::name, each.type, Store::elements(k++, shape{p.rank, p.basis_length()}),
                 each.fill);
  });
}
// whether a basis is not simply floats where a step needs them
inline bool keeps_codes(const tensor_record& t) { return t.layout.parts[t.layout.learned + 1].type != dtype::f32; }
inline float* whole_basis_of(const tensor_record& t) {
  return reinterpret_cast<float*>(t.state + t.layout.parts[t.layout.learned + 1].offset);
}

/// Reads a basis that is kept in codes, or writes it. `room`: as many numbers again.
inline void code_basis(const tensor_record& t, basis_store how, bool writes, float* basis, float* room,
                       const philox_key& key) {
  const auto& p = t.layout.projection;
  const index_t n = p.basis_length(), r = p.rank;
  float* const rows = p.right ? basis : room;  // codes lie along vectors
  const auto turn = [&](bool out) {
    if (!p.right)
      for (index_t i = 0; i < n; ++i)
        for (index_t k = 0; k < r; ++k)
          (out ? basis[i * r + k] : rows[k * n + i]) = out ? rows[k * n + i] : basis[i * r + k];
  };
  if (writes) turn(false);
  with_basis_store(how, [&]<class Store>() {
    std::byte* at[Store::parts.size()];
    for (std::size_t k = 0; k < Store::parts.size(); ++k)
      at[k] = t.state + t.layout.parts[t.layout.learned + 1 + k].offset;
    code_numbers<Store, range::any>(r * n, Store::bind(at), writes, rows, key);
  });
  if (!writes) turn(true);
}

}  // namespace mango::inline MANGO_ABI::detail
