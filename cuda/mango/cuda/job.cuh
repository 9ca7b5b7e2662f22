#pragma once
// What kernels are given: tensors as jobs, parts of jobs as blocks of threads, and the constants of the step.
#include "mango/optim/stages.hpp"
#include "mango/pass/lanes.hpp"
#include "mango/rule/learned.hpp"

#include "mango/cuda/panel_cut.hpp"
#include "mango/cuda/team.cuh"
#include "mango/cuda/wide.cuh"

namespace mango::inline MANGO_ABI::cuda {

/// The constants of one tensor in the step at hand. They are computed on the device, where it is decided whether the
/// step is taken: nothing of a step waits for the host.
template <class Chain> struct folded {
  typename Chain::frame frame;
  float scale;
  std::uint32_t epoch;  // of random numbers: updates of the tensor, counting this one
  std::uint32_t apply;  // 0: a gradient was not finite, and nothing is written
  // what they were folded from, for rules that learn
  struct nothing {};
  static constexpr bool learns = mango::detail::learning<Chain>::memory > 0;
  [[no_unique_address]] std::conditional_t<learns, step_info, nothing> info;
};

/// What learning rules have of a tensor: sums that they observe, part by part of their own, and arrays of every
/// so-many-th number.
template <int Sums, int Sliced> struct learned_arrays {
  double* sums;
  float* slices[Sliced > 0 ? Sliced : 1];
};
template <> struct learned_arrays<0, 0> {};

/// A tensor's memory and how it is cut.
template <class Learned, class Target, class G, class... S> struct job {
  slot_views<S...> slots;
  Target target;
  const G* gradient;
  index_t elements;
  std::uint32_t tensor, hash;
  bool wide;         // every array is aligned to 16 bytes
  panel_cut cut;     // of factored slots
  float* partial;    // their sums of rows and columns, part by part
  double* observed;  // the sums of surveys, part by part
  [[no_unique_address]] Learned learned;
};

/// One block of threads: which job, and which part of it.
struct part_of_job {
  std::uint32_t job, part;
};

/// One pass of a step over jobs of one kind.
template <class Chain, int Pass, class Target, class G, class... S> struct kernel_pass {
  using chain = Chain;
  using learning = mango::detail::learning<Chain>;
  using job = cuda::job<learned_arrays<learning::sums, learning::sliced>, Target, G, S...>;
  using stage = mango::detail::stage<Chain, Pass, S...>;
  using list = typename stage::list;
  static constexpr bool surveys = Pass < mango::detail::surveys<Chain>::count;
  static constexpr bool loads_parameter = mango::detail::surveys<Chain>::loads_parameter(Pass);
  using rules = decltype([] {
    if constexpr (surveys) return std::type_identity<typename stage::chain>{};
    else return std::type_identity<Chain>{};
  }())::type;
  static constexpr int sums = [] {
    if constexpr (surveys) return rules::sums;
    else return 0;
  }();
  using target = Target;
  using gradient = G;
};

namespace detail {
using mango::detail::leaf;
using mango::detail::leaf_value;
using mango::detail::store_list;
template <std::size_t I, class V> __device__ __forceinline__ V& leaf_of(leaf<I, V>& l) { return l.value; }

// what of a job stays the same for all its numbers, in registers
template <class P> struct constants {
  typename P::chain::frame frame;
  float scale;
  philox_key key;
};
template <class P>
__device__ __forceinline__ constants<P> constants_of(const typename P::job& j, const folded<typename P::chain>& f,
                                                     std::uint64_t seed) {
  return {f.frame, f.scale, {seed, j.hash, f.epoch, 0}};
}

// V numbers of a target in registers; what a survey does not look at is not loaded
template <class P, int V> struct wide_target {
  wide_view<V, typename P::target> numbers;
  template <bool Partial>
  __device__ __forceinline__ void load(const typename P::job& j, index_t i, int count, bool wide) {
    if constexpr (P::loads_parameter) numbers.template load<Partial>(j.target, i, count, wide);
  }
  __device__ __forceinline__ float operator[](int k) {
    if constexpr (P::loads_parameter) return (*numbers).load(one{k});
    else return 0.0f;
  }
  template <class U> __device__ __forceinline__ void move(int k, float p, const U& u, std::uint32_t noise) {
    if constexpr (!P::surveys) (*numbers).save(one{k}, p, u, noise);
  }
  template <bool Partial>
  __device__ __forceinline__ void save(const typename P::job& j, index_t i, int count, bool wide) {
    if constexpr (!P::surveys) numbers.template save<Partial>(j.target, i, count, wide);
  }
};

// What a thread has observed, in double: differences of such sums keep their digits.
template <int Sums> struct observed {
  double sum[Sums] = {};
  __device__ __forceinline__ void add(const products<float, Sums>& x) {
#pragma unroll
    for (int k = 0; k < Sums; ++k) sum[k] += static_cast<double>(x.a[k]) * static_cast<double>(x.b[k]);
  }
  // those of the whole block; all threads call it
  __device__ __forceinline__ void save(double* to) {
    for (int k = 0; k < Sums; ++k) {
      const double all = sum_of_block(sum[k]);
      if (threadIdx.x == 0) to[k] = all;
    }
  }
};
template <> struct observed<0> {
  template <class U> __device__ __forceinline__ void add(const U&) {}
  __device__ __forceinline__ void save(double*) {}
};

// 16 random bits for each of V numbers from element i on, stream by stream
template <int V, bool Rounds> struct noise {
  std::uint16_t bits[V];
  __device__ __forceinline__ void draw(philox_key key, std::uint8_t stream, index_t i) {
    key.stream = stream;
    random16_run<V>(key, i, bits);
  }
  __device__ __forceinline__ std::uint32_t operator[](int k) const { return bits[k]; }
};
template <int V> struct noise<V, false> {
  __device__ __forceinline__ void draw(const philox_key&, std::uint8_t, index_t) {}
  __device__ __forceinline__ std::uint32_t operator[](int) const { return 0; }
};
// of every slot, and of the target
template <int V, class P, class Indices, class... S> struct noises;
template <int V, class P, std::size_t... I, class... S>
struct noises<V, P, std::index_sequence<I...>, S...> : leaf<I, noise<V, S::rounds>>... {
  noise<V, !P::surveys && P::target::rounds> own;
  __device__ __forceinline__ void draw(const philox_key& key, index_t i) {
    (leaf_of<I>(*this).draw(key, static_cast<std::uint8_t>(I), i), ...);
    own.draw(key, parameter_stream, i);
  }
};
}  // namespace detail

}  // namespace mango::inline MANGO_ABI::cuda
