#pragma once
// From type-erased operands to the fused pass: the one place where element types become template arguments.
#include "mango/backend/backend.hpp"
#include "mango/optim/gradient_access.hpp"
#include "mango/optim/learn.hpp"
#include "mango/optim/options.hpp"
#include "mango/optim/stages.hpp"
#include "mango/optim/tensor.hpp"
#include "mango/pass/panels.hpp"
#include "mango/pass/tiles.hpp"
#include "mango/store/bf16.hpp"
#include "mango/store/fp32.hpp"

namespace mango::inline MANGO_ABI::detail {

// which driver walks these stores
template <class Chain, class Target, class G, class... S>
using driver = std::conditional_t<
    (factored_store<S> || ...), panels<Chain, Target, G, S...>,
    std::conditional_t<(block_store<S> || ...), tiles<Chain, Target, G, S...>, lanes<Chain, Target, G, S...>>>;
// what a factored store is for a tensor that it would not make smaller
template <class S> using dense_store = std::conditional_t<factored_store<S>, fp32, S>;

// the most sums that a pass of a step leaves of every chunk
template <class Chain, int Passes> constexpr int most_sums(int learned) {
  int most = learned;
  [&]<int... Pass>(std::integer_sequence<int, Pass...>) {
    ((most = surveying<Chain, Pass>::sums > most ? surveying<Chain, Pass>::sums : most), ...);
  }
  (std::make_integer_sequence<int, Passes - 1>{});
  return most;
}

// a chain over stores that know their slot's range
template <class Chain, class... S> struct bound_kernels {
  static constexpr int factored_slots = (0 + ... + (factored_store<S> ? 1 : 0));
  static constexpr int passes = surveys<Chain>::count + 1;  // the last moves the parameter
  template <int Pass> static constexpr bool writes = stage<Chain, Pass, S...>::writes;
  static constexpr bool learns = learning<Chain>::memory > 0;
  static constexpr int sums_per_chunk = most_sums<Chain, passes>(learning<Chain>::sums);
  using chunk_sums = double[static_cast<std::size_t>(sums_per_chunk + 1)];
  // whether there is more to do than to move every chunk once
  static constexpr bool staged = factored_slots > 0 || passes > 1 || learns;

  // the arrays of one tensor's state, in the order that views() reads them back
  static state_layout layout(const tensor_spec& spec, const optimizer_options& options, const Chain& rules) {
    const index_t n = spec.shape.elements();
    state_layout out = arrays<S...>(spec.shape);
    out.chunks = chunk_count(n);
    if constexpr (factored_slots > 0) {
      state_layout dense = arrays<dense_store<S>...>(spec.shape);
      if (out.bytes >= dense.bytes) {
        dense.chunks = out.chunks;
        dense.dense = true;
        out = static_cast<state_layout&&>(dense);
      } else {
        ((factored_store<S> ? void(out.grid = grid_of<S>(spec.shape)) : void()), ...);
        out.chunks = out.grid.chunks();
        out.scratch = static_cast<std::size_t>(panel_scratch::bytes(out.grid, factored_slots));
      }
    }
    out.scratch += static_cast<std::size_t>(out.chunks) * sums_per_chunk * sizeof(double);
    append_learned(out, spec.shape, rules);
    append_common(out, spec, options);
    return out;
  }

  // one pass over one chunk of one tensor; chains that project look at the backend
  template <class Target, class G, bool Dense, class Backend>
  static void run(const Backend&, [[maybe_unused]] int pass, const Chain& rules, const tensor_record& t,
                  const operands& o, const typename Chain::frame& f, float scale, const philox_key& key,
                  index_t chunk) {
    if (pass == 0 && t.accumulating && o.gradient)  // a chunk stays in cache
      gradient_access<G>::add(t.accumulator, o.gradient, first<Dense>(t, chunk), first<Dense>(t, chunk + 1));
    if constexpr (passes == 1) run_pass<0, Target, G, Dense>(rules, t, o, f, scale, key, chunk, false);
    else
      with_pass<passes - 1>(pass, [&]<int Pass>() {
        const bool observes = observed<Pass>(rules);
        if (observes || writes<Pass>) run_pass<Pass, Target, G, Dense>(rules, t, o, f, scale, key, chunk, observes);
      });
  }

  // the first element of a chunk
  template <bool Dense> static index_t first(const tensor_record& t, index_t chunk) {
    if constexpr (factored_slots > 0 && !Dense) return t.layout.grid.first(chunk);
    else return t.elements() / chunk_elements < chunk ? t.elements() : chunk * chunk_elements;
  }
  // f(range) for the state that a chunk uses, array by array: as much of each as the chunk is of the tensor, give or
  // take an element (of a factored slot's columns it uses all; they are small)
  template <bool Dense, class F> static void each_range(const tensor_record& t, index_t chunk, F f) {
    const index_t begin = first<Dense>(t, chunk), end = first<Dense>(t, chunk + 1);
    for (const auto& p : t.layout.parts) {
      const double share = static_cast<double>(p.elements) / static_cast<double>(t.elements());
      const double last = static_cast<double>(end) * share;
      auto from = static_cast<std::size_t>(static_cast<double>(begin) * share), to = static_cast<std::size_t>(last);
      to += static_cast<double>(to) < last ? 1 : 0;
      const auto size = static_cast<std::size_t>(size_of(p.type)), all = static_cast<std::size_t>(p.elements);
      to = to < all ? to : all;
      f(state_range{p.offset + from * size, p.offset + to * size, p.offset, p.offset + all * size});
    }
  }

  // the trainer's arrays, and those of all slots
  template <class Target> static Target target(const tensor_record& t, const operands& o) {
    if constexpr (requires(Target x) { x.draws(); })
      return {static_cast<decltype(Target::data)>(o.parameter), t.compensation, o.master, t.nearest};
    else if constexpr (requires(Target x) { x.delta; })
      return {static_cast<decltype(Target::parameter)>(o.parameter_in), o.delta};
    else if constexpr (requires(Target x) { x.master; })
      return {o.master, static_cast<decltype(Target::image)>(o.parameter)};
    else if constexpr (requires(Target x) { x.data; }) return {static_cast<decltype(Target::data)>(o.parameter)};
    else if constexpr (requires(typename Target::store_view v) { v.compensation; })
      return {{static_cast<decltype(Target::store_view::value)>(o.parameter), t.compensation}};
    else return {{static_cast<decltype(typename Target::store_view{}.data)>(o.parameter)}};
  }

  template <class... Store> static slot_views<Store...> views([[maybe_unused]] const tensor_record& t) {
    slot_views<Store...> out{};
    [[maybe_unused]] const part_place* p = t.layout.parts.begin();
    if constexpr (sizeof...(Store) > 0) {
      const auto bind = [&]<std::size_t... I>(std::index_sequence<I...>) {
        ((static_cast<leaf<I, typename Store::view>&>(out).value = view<Store>(t, p)), ...);
      };
      bind(std::index_sequence_for<Store...>{});
    }
    return out;
  }

  // f.template operator()<Store>(view, its slot's number) for every slot of a tensor
  template <class F> static void each_slot(const tensor_record& t, const F& f) {
    if (t.layout.dense) visit_slots<dense_store<S>...>(t, f);
    else visit_slots<S...>(t, f);
  }

  // after the last chunk of a pass
  static void finish([[maybe_unused]] int pass, const Chain& rules, const tensor_record& t,
                     [[maybe_unused]] typename Chain::frame& f, [[maybe_unused]] const step_info& info) {
    if (t.elements() == 0) return;
    with_pass<passes - 1>(pass, [&]<int Pass>() {
      if (!t.layout.dense) finish_slots(typename stage<Chain, Pass, S...>::list{}, t);
      if constexpr (Pass < passes - 1) {
        if (!observed<Pass>(rules)) return;
        chunk_sums all;
        settle_survey<Chain, Pass>(rules, f, total(t, all), static_cast<double>(t.elements()));
      } else if constexpr (learns) {
        chunk_sums all{};
        learn(rules, info, memory_of(t), total(t, all));
      }
    });
  }

 private:
  // what has accumulated is used up by the last pass
  template <int Pass, class Target, class G, bool Dense>
  static void run_pass([[maybe_unused]] const Chain& rules, const tensor_record& t, const operands& o,
                       const typename Chain::frame& f, float scale, const philox_key& key, index_t chunk,
                       [[maybe_unused]] bool observes) {
    using now = std::conditional_t<Dense, stage<Chain, Pass, dense_store<S>...>, stage<Chain, Pass, S...>>;
    const index_t begin = first<Dense>(t, chunk), end = first<Dense>(t, chunk + 1);
    const auto* g = static_cast<const G*>(o.gradient);
    const auto pass = [&]<class E>(const E* from) {
      const Target to = target<Target>(t, o);
      if constexpr (Pass == passes - 1) {
        if constexpr (learning<Chain>::sums > 0) {
          double* const seen = sums(t, chunk);
          for (int k = 0; k < learning<Chain>::sums; ++k) seen[k] = 0;
          walk<Chain>(typename now::list{}, to, t, from, f, scale, key, begin, end,
                      [&](index_t b, index_t e) { observe_range<Chain>(to, t, from, f, scale, b, e, seen); });
        } else {
          walk<Chain>(typename now::list{}, to, t, from, f, scale, key, begin, end);
        }
      } else {
        constexpr int n = now::chain::sums;
        double products[static_cast<std::size_t>(n * sums_at_once + 1)] = {};
        survey_range<now>(now::aim(to, products, observes), t, from, f, scale, key, begin, end);
        if (observes)
          for (int k = 0; k < n; ++k) sums(t, chunk)[k] = total_of(products + k * sums_at_once);
      }
    };
    if constexpr (std::same_as<G, float>) pass(t.accumulating ? t.accumulator : g);
    else if (t.accumulating) pass(static_cast<const float*>(t.accumulator));
    else pass(g);
    if (Pass == passes - 1 && t.accumulating)
      std::memset(t.accumulator + begin, 0, static_cast<std::size_t>(end - begin) * sizeof(float));
  }
  // not inlined: the same for most kinds of parameter
  template <class Now, class Target, class E>
  static __attribute__((noinline)) void survey_range(const Target& to, const tensor_record& t, const E* from,
                                                     const typename Chain::frame& f, float scale, const philox_key& key,
                                                     index_t begin, index_t end) {
    walk<typename Now::chain>(typename Now::list{}, to, t, from, f, scale, key, begin, end);
  }
  // `look`, if there is one, is called for what is about to be moved
  template <class Rules, class Target, class E, class... Store, class... Look>
  static void walk(store_list<Store...>, const Target& to, const tensor_record& t, const E* from,
                   const typename Chain::frame& f, float scale, const philox_key& key, index_t begin, index_t end,
                   const Look&... look) {
    using pass = driver<Rules, Target, E, Store...>;
    if constexpr ((factored_store<Store> || ...)) {
      pass{f, to, from, views<Store...>(t), scale, key, scratch(t)}(begin, end, look...);
    } else {
      (look(begin, end), ...);
      pass{f, to, from, views<Store...>(t), scale, key}(begin, end);
    }
  }

  // the sums of a chunk, behind the panels' scratch
  static double* sums(const tensor_record& t, index_t chunk) {
    return reinterpret_cast<double*>(t.scratch + t.layout.scratch) - (t.layout.chunks - chunk) * sums_per_chunk;
  }
  // of all chunks
  static const double* total(const tensor_record& t, chunk_sums& all) {
    for (int k = 0; k < sums_per_chunk; ++k) {
      all[k] = 0;
      for (index_t c = 0; c < t.layout.chunks; ++c) all[k] += sums(t, c)[k];
    }
    return all;
  }
  // whether somebody wants the mean square that this pass can have
  template <int Pass> static bool observed([[maybe_unused]] const Chain& rules) {
    if constexpr (Pass < passes - 1) return observes_survey<Chain, Pass>(rules);
    else return false;
  }

  template <class... Store, class F> static void visit_slots(const tensor_record& t, const F& f) {
    [[maybe_unused]] const part_place* p = t.layout.parts.begin();
    [[maybe_unused]] int slot = 0;
    (f.template operator()<Store>(view<Store>(t, p), slot++), ...);
  }
  template <class... Store> static void finish_slots(store_list<Store...>, const tensor_record& t) {
    [[maybe_unused]] const part_place* p = t.layout.parts.begin();
    [[maybe_unused]] int slot = 0;
    [[maybe_unused]] constexpr int slots = (0 + ... + (factored_store<Store> ? 1 : 0));
    (finish_slot<Store>(t, view<Store>(t, p), slot, slots), ...);
  }
  template <class Store>
  static void finish_slot(const tensor_record& t, const typename Store::view& v, int& slot, int slots) {
    if constexpr (factored_store<Store> && !is_read_only<Store>) finish_columns(v.columns, scratch(t), slot, slots);
    slot += factored_store<Store> ? 1 : 0;
  }
  template <class Store> static matrix_grid grid_of(const shape& s) {
    if constexpr (factored_store<Store>) return matrix_grid(s, Store::how);
    else return {};
  }
  static panel_scratch scratch(const tensor_record& t) { return {t.scratch, t.layout.grid}; }

  template <class... Store> static state_layout arrays([[maybe_unused]] const shape& s) {
    state_layout out;
    [[maybe_unused]] std::size_t i = 0;
    (append<Store>(out, Chain::slots[i++], s), ...);
    return out;
  }
  template <class Store> static void append(state_layout& out, const auto& slot, const shape& s) {
    int k = 0;
    if constexpr (requires { Store::parts; })  // one that was refused has none: one mistake, one message
      for (const part& p : Store::parts)
        out.append(slot.name, p.name, Store::name, p.type, Store::elements(k++, s), p.fill, slot.values);
  }

  template <class Store> static typename Store::view view(const tensor_record& t, const part_place*& p) {
    std::byte* at[Store::parts.size()];
    for (auto& a : at) a = t.state + (p++)->offset;
    return Store::bind(at);
  }
};

template <class Chain, class Indices, class... S> struct bind_slots;
template <class Chain, std::size_t... I, class... S> struct bind_slots<Chain, std::index_sequence<I...>, S...> {
  using type = bound_kernels<Chain, bound_store<S, Chain::slots[I].values>...>;
};

template <class Chain, class Stores> struct kernels;
template <class Chain, class... S>
struct kernels<Chain, stores<S...>> : bind_slots<Chain, std::index_sequence_for<S...>, S...>::type {};

}  // namespace mango
