#pragma once
// Jobs of one kind: the same types of parameter, gradient and slots, so the same kernels.
#include "mango/optim/kernels.hpp"

#include "mango/cuda/device.hpp"
#include "mango/cuda/finish.cuh"
#include "mango/cuda/observe.cuh"
#include "mango/cuda/run_lanes.cuh"
#include "mango/cuda/run_panels.cuh"
#include "mango/cuda/run_tiles.cuh"

namespace mango::inline MANGO_ABI::cuda {

/// Where in the scratch of a step the numbers of one tensor are, in bytes.
struct scratch_place {
  std::size_t partial = 0, observed = 0, learned = 0, sums = 0, totals = 0, end = 0;
};

/// What kernels of one kind are given, their types forgotten.
struct work {
  const void* jobs;
  const part_of_job* parts;
  index_t count;
  const void* frames;
  std::uint64_t seed;
  cudaStream_t stream;
};

/// What is known of a kind of tensor: its functions, with types forgotten.
struct kind_functions {
  std::size_t job_bytes;
  index_t (*parts)(const mango::detail::tensor_record&, bool wide);
  scratch_place (*scratch)(const mango::detail::tensor_record&, bool wide);
  void (*fill)(void* job, const mango::detail::tensor_record&, const mango::detail::operands&, std::uint32_t tensor,
               bool wide, const scratch_place&, std::byte* scratch);
  void (*finish)(list<finish_job>&, int pass, const mango::detail::tensor_record&, std::uint32_t tensor, bool wide,
                 const scratch_place&, std::byte* scratch, unsigned* arrived);
  void (*run)(int pass, const work&);
  // of chains with rules that observe
  index_t (*parts_to_observe)(const mango::detail::tensor_record&);
  void (*observe)(const work&);
};

namespace detail {
using mango::detail::bound_kernels;
using mango::detail::operands;
using mango::detail::tensor_record;

/// The functions of tensors with this target and gradient; `Wide`: factored slots have four columns per lane.
template <class Kernels, class Chain, class Target, class G, bool Wide, class... S> struct kind_of {
  static constexpr int factored = (0 + ... + (factored_store<S> ? 1 : 0));
  static constexpr bool blocks = (block_store<S> || ...);
  static_assert(factored == 0 || !blocks,
                "mango: a factored store and one with a scale per block do not go together: keep the other slot in "
                "fp32, bf16 or factored<>");
  template <int Pass> using pass = kernel_pass<Chain, Pass, Target, G, S...>;
  using job = typename pass<Kernels::passes - 1>::job;
  using learned = mango::detail::learning<Chain>;

  static panel_cut cut_of(const tensor_record& t, bool wide) {
    if constexpr (factored > 0) return panel_cut(t.layout.grid, wide);
    else return {};
  }
  static index_t parts(const tensor_record& t, bool wide) {
    if constexpr (factored > 0) return t.elements() == 0 ? 0 : cut_of(t, wide).parts();
    else {
      constexpr index_t part = blocks ? tiles_part : lanes_part;
      return (t.elements() + part - 1) / part;
    }
  }
  static scratch_place scratch(const tensor_record& t, bool wide) {
    scratch_place s;
    if (t.elements() == 0) return s;
    const auto take = [&s](std::size_t& at, index_t bytes) {
      at = s.end;
      s.end += (static_cast<std::size_t>(bytes) + 15) / 16 * 16;
    };
    if constexpr (factored > 0) {
      finish_job j{};
      j.cut = cut_of(t, wide);
      take(s.partial, factored * j.cut.partial_floats() * index_t{sizeof(float)});
      take(s.sums, factored * j.cut.columns * index_t{sizeof(double)});
      take(s.totals, factored * j.column_parts() * index_t{sizeof(double)});
    }
    constexpr int surveyed = mango::detail::most_sums<Chain, Kernels::passes>(0);
    if constexpr (surveyed > 0) take(s.observed, parts(t, wide) * surveyed * index_t{sizeof(double)});
    if constexpr (learned::sums > 0) take(s.learned, parts_to_observe(t) * learned::sums * index_t{sizeof(double)});
    return s;
  }
  static void fill(void* to, const tensor_record& t, const operands& o, std::uint32_t tensor, bool wide,
                   const scratch_place& s, std::byte* scratch) {
    [[maybe_unused]] job& j = *new (to) job{Kernels::template views<S...>(t),
                                            Kernels::template target<Target>(t, o),
                                            static_cast<const G*>(o.gradient),
                                            t.elements(),
                                            tensor,
                                            t.hash,
                                            wide,
                                            cut_of(t, wide),
                                            reinterpret_cast<float*>(scratch + s.partial),
                                            reinterpret_cast<double*>(scratch + s.observed),
                                            {}};
    if constexpr (learned::sums > 0) {
      j.learned.sums = reinterpret_cast<double*>(scratch + s.learned);
      for (int k = 0; k < learned::sliced; ++k) j.learned.slices[k] = mango::detail::slice_of<Chain>(t, k);
    }
  }
  // the factored slots that a pass writes
  static void finish(list<finish_job>& to, int pass_number, const tensor_record& t, std::uint32_t tensor, bool wide,
                     const scratch_place& s, std::byte* scratch, unsigned* arrived) {
    if constexpr (factored > 0) {
      mango::detail::with_pass<Kernels::passes - 1>(pass_number, [&]<int Pass>() {
        int slot = 0;
        each_slot(typename pass<Pass>::list{}, Kernels::template views<S...>(t), [&](const auto& view) {
          finish_job j{};
          j.cut = cut_of(t, wide);
          j.rows = view.rows, j.columns = view.columns, j.tensor = tensor, j.arrived = arrived + slot;
          j.partial = reinterpret_cast<float*>(scratch + s.partial) + slot * j.cut.partial_floats();
          j.sums = reinterpret_cast<double*>(scratch + s.sums) + slot * j.cut.columns;
          j.totals = reinterpret_cast<double*>(scratch + s.totals) + slot * j.column_parts();
          to.push_back(j);
          ++slot;
        });
      });
    }
  }
  static void run(int pass_number, const work& w) {
    mango::detail::with_pass<Kernels::passes - 1>(pass_number, [&]<int Pass>() { run_pass<pass<Pass>>(w); });
  }
  static index_t parts_to_observe(const tensor_record& t) {
    return learned::sums > 0 ? (t.elements() + observed_part - 1) / observed_part : 0;
  }
  static void observe([[maybe_unused]] const work& w) {
    if constexpr (learned::sums > 0)
      launch("observing a tensor", &observe_numbers<pass<Kernels::passes - 1>>, w.count, block_size, w.stream,
             static_cast<const job*>(w.jobs), w.parts, static_cast<const folded<Chain>*>(w.frames));
  }
  static constexpr kind_functions functions{sizeof(job), parts, scratch, fill, finish, run, parts_to_observe, observe};

 private:
  template <class P> static constexpr auto kernel() {
    if constexpr (factored > 0) return &run_panels < P, Wide ? 4 : 1 > ;
    else if constexpr (blocks) return &run_tiles<P>;
    else return &run_lanes<P>;
  }
  template <class P> static void run_pass(const work& w) {
    int threads = block_size;
    if constexpr (factored == 0 && blocks) threads = tile_threads<typename P::list>;
    launch("a step's kernel", kernel<P>(), w.count, threads, w.stream, static_cast<const job*>(w.jobs), w.parts,
           static_cast<const folded<Chain>*>(w.frames), w.seed);
  }
  template <class... Stage, class Views, class F>
  static void each_slot(mango::detail::store_list<Stage...>, const Views& views, F f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) { (slot<I, Stage>(views, f), ...); }
    (std::index_sequence_for<Stage...>{});
  }
  template <std::size_t I, class Store, class Views, class F> static void slot(const Views& views, F& f) {
    if constexpr (factored_store<Store> && !mango::detail::is_read_only<Store>) f(leaf_value<I>(views));
  }
};
}  // namespace detail

/// What a tensor was bound as.
struct bound_kind {
  const kind_functions* kind;
  bool wide;
  bool stays = false;  // the parameter was bound, and is not that of one update() alone
};
inline index_t count_unaligned(const list<bound_kind>& kinds) {
  index_t all = 0;
  for (const auto& k : kinds) all += k.kind && !k.wide ? 1 : 0;
  return all;
}

namespace detail {
template <class Chain, class Target, class G, class... S>
bound_kind find_kind(const bound_kernels<Chain, S...>&, const tensor_record& t, bool wide) {
  using kernels = bound_kernels<Chain, S...>;
  using dense = kind_of<kernels, Chain, Target, G, true, mango::detail::dense_store<S>...>;
  if constexpr (kernels::factored_slots > 0) {
    if (!t.layout.dense)
      return {panel_cut(t.layout.grid, wide).width == 4 ? &kind_of<kernels, Chain, Target, G, true, S...>::functions
                                                        : &kind_of<kernels, Chain, Target, G, false, S...>::functions,
              wide};
  }
  return {&dense::functions, wide};
}
}  // namespace detail

/// The kind of a tensor with this target and gradient, whose arrays are aligned to 16 bytes if `wide`.
template <class Kernels, class Chain, class Target, class G>
bound_kind find_kind(const mango::detail::tensor_record& t, bool wide) {
  return detail::find_kind<Chain, Target, G>(Kernels{}, t, wide);
}

}  // namespace mango::inline MANGO_ABI::cuda
