#pragma once
// A tensor's side of learning rules: where what they remember lies, and what they look at while it is moved.
#include "mango/optim/tensor.hpp"
#include "mango/pass/lanes.hpp"
#include "mango/rule/learning.hpp"

namespace mango::inline MANGO_ABI::detail {

// the arrays that learning rules add to a tensor's state, behind those of all slots
template <class Chain>
void append_learned(state_layout& out, const shape& s, const Chain& rules, const typename Chain::frame& unused = {}) {
  if constexpr (learning<Chain>::memory > 0) {
    out.learned = out.parts.size();
    each_learning(rules, unused, [&]<class R, int, int, int>(const R&, const auto&) {
      for (const char* name : R::remembered) out.append(R::memory_name, name, "f64", dtype::f64, 1);
    });
    each_learning(rules, unused, [&]<class R, int, int, int>(const R& r, const auto&) {
      if constexpr (slicing_rule<R>)
        for (const char* name : R::sliced)
          out.append(R::memory_name, name, "fp32", dtype::f32, (s.elements() + r.slice() - 1) / r.slice());
    });
  }
}

inline double* memory_of(const tensor_record& t) {
  return reinterpret_cast<double*>(t.state + t.layout.parts[t.layout.learned].offset);
}

/// What an observing rule may ask about the chunk [begin, end) of a tensor.
template <class R, class Chain, class Target, class G> struct observed_chunk {
  const typename Chain::frame& frame;
  Target target;
  const G* gradient;
  float scale;
  index_t begin, end;
  const tensor_record& tensor;
  std::size_t first_slice;  // the part that is its first sliced array

  float p(index_t i) const { return target.load(one{i}); }
  /// u as it comes to the rule.
  float u(index_t i, float p) const {
    return before<R>(static_cast<const Chain*>(nullptr), frame, load(gradient, one{i}) * scale, p);
  }
  /// The sum of the squares of the scaled gradient.
  double squared_norm() const {
    return mango::squared_norm(gradient, begin, end) * static_cast<double>(scale) * static_cast<double>(scale);
  }
  float* slice(std::size_t k) const {
    return reinterpret_cast<float*>(tensor.state + tensor.layout.parts[first_slice + k].offset);
  }
};

/// What the rules of a chain observe of a chunk that is about to be moved, into `sums`.
template <class Chain, class Target, class G>
void observe_chunk(const Chain& rules, const Target& target, const tensor_record& t, const G* gradient,
                   const typename Chain::frame& frame, float scale, index_t begin, index_t end, double* sums) {
  for (int k = 0; k < learning<Chain>::sums; ++k) sums[k] = 0;
  const std::size_t slices = t.layout.learned + static_cast<std::size_t>(learning<Chain>::memory);
  each_learning(rules, frame, [&]<class R, int, int Sums, int Sliced>(const R&, const auto& k) {
    if constexpr (observing_rule<R>)
      R::observe(k,
                 observed_chunk<R, Chain, Target, G>{frame, target, gradient, scale, begin, end, t,
                                                     slices + static_cast<std::size_t>(Sliced)},
                 sums + Sums);
  });
}

/// Every learning rule takes what was observed of a tensor that has been moved.
template <class Chain>
void learn(const Chain& rules, const typename Chain::frame& frame, const step_info& info, const tensor_record& t,
           const double* sums) {
  each_learning(rules, frame, [&]<class R, int Memory, int Sums, int>(const R& r, const auto&) {
    auto m = read_memory<typename R::memory>(memory_of(t) + Memory);
    r.learn(m, info, sums + Sums);
    write_memory(memory_of(t) + Memory, m);
  });
}

/// What rules tell each other before they fold.
template <class Chain>
void inform(const Chain& rules, const typename Chain::frame& unused, step_info& info, const tensor_record& t) {
  each_learning(rules, unused, [&]<class R, int Memory, int, int>(const R& r, const auto&) {
    r.inform(info, read_memory<typename R::memory>(memory_of(t) + Memory));
  });
}

/// Between two steps: tensors of a pool learn from each other. `same_shape` is of every tensor the first of its shape,
/// `rules` are those of every group.
template <class Chain>
void share_learned(const list<Chain>& rules, const list<tensor_record*>& tensors, const list<std::uint32_t>& same_shape,
                   list<double>& room) {
  const typename Chain::frame unused{};
  each_learning(rules[0], unused, [&]<class R, int Memory, int, int>(const R& first, const auto&) {
    if constexpr (pooling_rule<R>) {
      constexpr std::size_t size = sizeof(typename R::pooled) / sizeof(double);
      const auto rule_of = [&](const tensor_record& t) {
        const R* found = nullptr;
        each_learning(rules[t.group], unused, [&]<class Q, int, int, int>(const Q& q, const auto&) {
          if constexpr (std::is_same_v<Q, R>) found = &q;
        });
        return *found;
      };
      const auto place = [&](std::size_t i) {
        switch (first.pooled_by()) {
          case pool::all: return std::size_t{0};
          case pool::group: return tensors[i]->group;
          case pool::shape: return static_cast<std::size_t>(same_shape[i]);
          default: return i;
        }
      };
      room.resize(size * (tensors.size() > rules.size() ? tensors.size() : rules.size()));
      for (double& x : room) x = 0;
      const auto each = [&](auto f) {
        for (std::size_t i = 0; i < tensors.size(); ++i) {
          double* const at = room.begin() + size * place(i);
          auto all = read_memory<typename R::pooled>(at);
          auto m = read_memory<typename R::memory>(memory_of(*tensors[i]) + Memory);
          f(rule_of(*tensors[i]), all, m);
          write_memory(at, all);
          write_memory(memory_of(*tensors[i]) + Memory, m);
        }
      };
      each([](const R& r, auto& all, const auto& m) { r.gather(all, m); });
      each([](const R& r, const auto& all, auto& m) { r.share(m, all); });
    }
  });
}

}  // namespace mango::inline MANGO_ABI::detail
