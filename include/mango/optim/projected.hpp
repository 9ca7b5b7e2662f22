#pragma once
// What a step of a projected tensor does: refresh the basis, project, run the inner chain, and bring back what it says.
#include "mango/optim/projected_state.hpp"
#include "mango/optim/projected_update.hpp"
#include "mango/project/factored_gradient.hpp"
#include "mango/project/subspace.hpp"

namespace mango::inline MANGO_ABI::detail {

// the trainer's gradient, its factors, or what has accumulated, as what it is projected as; f(that)
template <class F> void with_gradient(const tensor_record& t, const operands& o, float* room, const F& f) {
  const auto& p = t.layout.projection;
  if (o.inputs) {
    const index_t m = original_rows(p), n = original_columns(p);
    return f(factored_gradient{
        {static_cast<const float*>(o.gradient), o.examples, m, m}, {o.inputs, o.examples, n, n}, p, room});
  }
  const auto call = [&]<class E>(const E* data) { f(matrix_view<const E>{data, p.rows, p.cols, p.cols}); };
  if (t.accumulating || !o.gradient) call(static_cast<const float*>(t.accumulator));
  else if (o.gradient_type == dtype::bf16) call(static_cast<const bfloat16*>(o.gradient));
  else if (o.gradient_type == dtype::f16) call(static_cast<const float16*>(o.gradient));
  else call(static_cast<const float*>(o.gradient));
}

// the pass of an inner chain that has only one, over stores that know their slot's range
template <class Inner, class Indices, class... S> struct inner_pass;
template <class Inner, std::size_t... I, class... S> struct inner_pass<Inner, std::index_sequence<I...>, S...> {
  using type = driver<Inner, into<float>, float, bound_store<S, Inner::slots[I].values>...>;
  template <class Kernels> static auto slots(const tensor_record& t) {
    return Kernels::template views<bound_store<S, Inner::slots[I].values>...>(t);
  }
};

template <class Space, class Before, class Inner, class After, class... S>
struct kernels<projected_chain<Space, Before, Inner, After>, stores<S...>> {
  using chain_type = projected_chain<Space, Before, Inner, After>;
  using whole = std::conditional_t<divides<Space>, kernels<typename chain_type::whole, stores<S..., fp32>>,
                                   kernels<typename chain_type::whole, stores<S...>>>;
  using compact = kernels<Inner, stores<S...>>;
  static constexpr bool projects = true, learns = false, staged = true;
  static constexpr int factored_slots = whole::factored_slots, passes = whole::passes;

  static state_layout layout(const tensor_spec& spec, const optimizer_options& options, const chain_type& rules) {
    state_layout full = whole::layout(spec, options, rules.unprojected());
    const projection p = rules.space.of(spec.shape);
    if (!p.projects()) return full;
    state_layout out = compact::layout({.shape = p.compact()}, {}, rules.inner);
    const std::size_t inner_scratch = out.scratch;
    if constexpr (Space::keeps_basis) append_subspace(out, p, rules.space.basis);
    if constexpr (divides<Space>) append_moment(out, p);
    append_common(out, spec, options);
    if (out.bytes >= full.bytes) return full;
    out.projection = p;
    out.chunks = pieces(p.rows, projected_rows(p));
    out.scratch = projected_room<Space>::bytes(p, inner_scratch, decodes(rules.space));
    return out;
  }

  // before its first step: what runs in the subspace, as a tensor of its own
  static void attach(tensor_record& t, const chain_type& rules) {
    const auto& p = t.layout.projection;
    if (!p.projects()) return;
    tensor_spec spec{.shape = p.compact()};
    t.compact = new tensor_record{{}, spec, compact::layout(spec, {}, rules.inner), {}};
    t.compact->state = t.state;
    t.compact->hash = t.hash;
  }

  // everything before weights are written
  template <class Backend>
  static void prepare(const Backend& on, const chain_type& rules, tensor_record& t, const operands& o,
                      typename chain_type::frame& k, float scale, const philox_key& key, step_info info) {
    const auto& p = t.layout.projection;
    if (!p.projects()) return;
    static_assert(decomposing_backend<Backend>,
                  "mango: project() multiplies matrices: give it the backend mango::eigen");
    const projected_room<Space> room(t);
    t.compact->scratch = room.inner;
    [[maybe_unused]] const auto updates = info.t;
    add_up(on, t, o);
    with_gradient(t, o, room.factors, [&](const auto& g) {
      if constexpr (Space::keeps_basis) refresh_basis(on, rules.space, t, g, room, key, info.t);
      else draw_basis(rules.space, t, room, key, info.t);
      k.fused = fuses(t, o);
      if (!k.fused) project_down(on, p, g, p.vectors(room.basis, p.rank), p.compact_vectors(room.compact, p.rank));
    });
    if (t.accumulating) std::memset(t.accumulator, 0, static_cast<std::size_t>(t.elements()) * sizeof(float));
    if (const auto first = began(rules.space, t, info.t); first > 1) {
      info.t -= first - 1;
      k.inner = rules.inner.fold(info);
    }
    if (k.fused) return;
    if constexpr (divides<Space>) {
      const auto v = moment_of(t);
      update_moment(on, p, p.vectors(room.basis, p.rank), room.compact, static_cast<double>(scale), rules.space.b2,
                    v.other(p), v.sliced(p), moment_room(room.work, p));
      k.divisor = v.divisor(p, rules.space, updates);
    }
    run_inner(on, rules, *t.compact, room.compact, k.inner, scale, key, info);
    if constexpr (divides<Space>)
      if (p.rank == 1) {
        divide_slices(on, p, k.divisor, room.compact, moment_room(room.work, p));
        k.divisor.length = 0;
      }
  }

  // one chunk of weights
  template <class Target, class G, bool Dense, class Backend>
  static void run(const Backend& on, int pass, const chain_type& rules, const tensor_record& t, const operands& o,
                  const typename chain_type::frame& k, float scale, const philox_key& key, index_t chunk) {
    if (!t.layout.projection.projects())
      return whole::template run<Target, G, Dense>(on, pass, rules.unprojected(), t, o, k.all, scale, key, chunk);
    if (pass < passes - 1) return;
    const projected_update<After, Target, Backend, divides<Space>> update{
        on,
        k.after,
        k.divisor,
        whole::template target<Target>(t, o),
        static_cast<float>(rules.space.back(t.layout.projection)),
        key};
    const auto& p = t.layout.projection;
    const projected_room<Space> room(t);
    const index_t each = projected_rows(p), begin = chunk * each, end = begin + each < p.rows ? begin + each : p.rows;
    if (!k.fused)
      return update(p, p.right ? room.compact : room.basis, p.right ? room.basis : room.compact, begin, end);
    if constexpr (elementwise)
      for (index_t i = begin; i < end; i += fused_rows)
        run_rows(update, static_cast<const G*>(o.gradient), *t.compact, p, room.basis, k.inner, scale, key, i,
                 i + fused_rows < end ? i + fused_rows : end);
  }

  static void finish(int pass, const chain_type& rules, const tensor_record& t, typename chain_type::frame& k,
                     const step_info& info) {
    if (!t.layout.projection.projects()) whole::finish(pass, rules.unprojected(), t, k.all, info);
  }

 private:
  // Rows of weights need each other's numbers only in the basis where it multiplies from the right. With few vectors a
  // step is memory's, and reading G and moving W then take turns block by block.
  static constexpr index_t fused_rows = 64;
  static constexpr bool elementwise = compact::factored_slots == 0 && compact::passes == 1 && !divides<Space>;
  using inner = inner_pass<Inner, std::make_index_sequence<sizeof...(S)>, S...>;
  static bool fuses(const tensor_record& t, const operands& o) {
    const auto& p = t.layout.projection;
    index_t unit = 1;
    if constexpr (requires { inner::type::tile; }) unit = inner::type::tile;
    return elementwise && p.right && p.rank <= thin_rank && p.cols > thin_block && fused_rows * p.rank % unit == 0 &&
           o.gradient && !o.inputs && !t.accumulating;
  }
  // rows [begin, end): projected, through the inner chain, and brought back
  template <class Update, class G>
  static void run_rows(const Update& update, const G* gradient, const tensor_record& compact_tensor,
                       const projection& p, const float* basis, const typename Inner::frame& k, float scale,
                       const philox_key& key, index_t begin, index_t end) {
    float some[fused_rows * thin_rank];
    thin_dots(matrix_view<const G>{gradient + begin * p.cols, end - begin, p.cols, p.cols},
              matrix_view<const float>{basis, p.rank, p.cols, p.cols},
              matrix_view<float>{some, end - begin, p.rank, p.rank});
    float* const r = some - begin * p.rank;  // as if all of R were there
    typename inner::type{k, {r, r}, r, inner::template slots<compact>(compact_tensor), scale, key}(begin * p.rank,
                                                                                                   end * p.rank);
    update(p, r, basis, begin, end);
  }

  // whether the basis of a step lies in scratch
  static bool decodes(const Space& s) {
    if constexpr (Space::keeps_basis) return s.basis != basis_store::fp32;
    else return true;
  }
  // the gradient joins what has accumulated
  template <class Backend> static void add_up(const Backend& on, tensor_record& t, const operands& o) {
    if (!t.accumulating || !o.gradient) return;
    on.run(chunk_count(t.elements()), [&](index_t c) {
      const index_t begin = c * chunk_elements,
                    end = begin + chunk_elements < t.elements() ? begin + chunk_elements : t.elements();
      if (o.gradient_type == dtype::bf16) gradient_access<bfloat16>::add(t.accumulator, o.gradient, begin, end);
      else if (o.gradient_type == dtype::f16) gradient_access<float16>::add(t.accumulator, o.gradient, begin, end);
      else gradient_access<float>::add(t.accumulator, o.gradient, begin, end);
    });
  }

  template <class Backend, class Gradient>
  static void refresh_basis(const Backend& on, const Space& s, tensor_record& t, const Gradient& g,
                            const projected_room<Space>& room, const philox_key& key, std::int64_t now) {
    double& refreshed = subspace_memory_of(t);
    auto* const room_for_codes = reinterpret_cast<float*>(room.search);
    if (refreshed > 0 && decodes(s)) code_basis(t, s.basis, false, room.basis, room_for_codes, key);
    if (refreshed > 0 && !s.due(now, t.hash)) return;
    const auto& p = t.layout.projection;
    float* const basis = room.basis;
    const bool cold = refreshed == 0;
    if (!cold) std::memcpy(room.moved, basis, static_cast<std::size_t>(p.basis_elements()) * sizeof(float));
    const index_t extra = cold || p.rank <= thin_rank / 2 ? extra_directions(p, cold) : 0;
    const bool found =
        refresh(on, p, g, basis, room.search, subspace_key(key), cold, extra, cold ? 2 : warm_steps(p.rank));
    if (!found) return;
    if (decodes(s))
      for (const bool writes : {true, false})
        code_basis(t, s.basis, writes, room.basis, room_for_codes, subspace_key(key));
    if (!cold && s.transport == moment_transport::rotate) {
      const matrix_view<float> c{room.overlap, p.rank, p.rank, p.rank};
      overlap_of(on, p.vectors(basis, p.rank), p.vectors(room.moved, p.rank), c);
      compact::each_slot(*t.compact,
                         transport_slots<Backend, Inner, Space>{on, p, c, room, *t.compact, subspace_key(key)});
    } else if (!cold && s.transport == moment_transport::reset) {
      clear_slots(*t.compact);
    }
    refreshed = static_cast<double>(now);
  }

  // random signs, the same for a whole period, in which moments begin at 0
  static void draw_basis(const Space& s, const tensor_record& t, const projected_room<Space>& room, philox_key key,
                         std::int64_t now) {
    const auto& p = t.layout.projection;
    key.epoch = static_cast<std::uint32_t>(s.first_of(now));
    for (index_t k = 0; k < p.rank; ++k) fill_signs(p.vectors(room.basis, p.rank), k, subspace_key(key));
    if (now == s.first_of(now) && now > 1) clear_slots(*t.compact);
  }
  // the update from which bias is corrected, 1 if from the start
  static std::int64_t began(const Space& s, const tensor_record& t, std::int64_t now) {
    if constexpr (!Space::keeps_basis) return s.first_of(now);
    else return s.transport == moment_transport::reset ? static_cast<std::int64_t>(subspace_memory_of(t)) : 1;
  }

  // R becomes what the inner chain makes of it
  template <class Backend>
  static void run_inner(const Backend& on, const chain_type& rules, tensor_record& inner, float* r,
                        typename Inner::frame& k, float scale, const philox_key& key, const step_info& info) {
    const operands o{nullptr, r, r, nullptr, r, dtype::f32};
    for (int pass = 0; pass < compact::passes; ++pass) {
      on.run(inner.layout.chunks, [&](index_t c) {
        if (inner.layout.dense)
          compact::template run<into<float>, float, true>(on, pass, rules.inner, inner, o, k, scale, key, c);
        else compact::template run<into<float>, float, false>(on, pass, rules.inner, inner, o, k, scale, key, c);
      });
      compact::finish(pass, rules.inner, inner, k, info);
    }
  }
};

}  // namespace mango::inline MANGO_ABI::detail
