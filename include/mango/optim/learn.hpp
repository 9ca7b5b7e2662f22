#pragma once
// A tensor's side of learning rules: where what they remember lies, and what they look at while it is moved.
#include "mango/optim/tensor.hpp"
#include "mango/pass/lanes.hpp"
#include "mango/pass/observe.hpp"
#include "mango/rule/learned.hpp"

namespace mango::inline MANGO_ABI::detail {

// the arrays that learning rules add to a tensor's state, behind those of all slots
template <class Chain> void append_learned(state_layout& out, const shape& s, const Chain& rules) {
  if constexpr (learning<Chain>::memory > 0) {
    out.learned = out.parts.size();
    each_learning(rules, [&]<class R, int, int, int>(const R&) {
      for (const char* name : R::remembered) out.append(R::memory_name, name, "f64", dtype::f64, 1);
    });
    each_learning(rules, [&]<class R, int, int, int>(const R& r) {
      if constexpr (slicing_rule<R>)
        for (const char* name : R::sliced)
          out.append(R::memory_name, name, "fp32", dtype::f32, (s.elements() + r.slice() - 1) / r.slice());
    });
  }
}

inline double* memory_of(const tensor_record& t) {
  return reinterpret_cast<double*>(t.state + t.layout.parts[t.layout.learned].offset);
}

/// Sliced array number k of a tensor, counted over all rules.
template <class Chain> float* slice_of(const tensor_record& t, int k) {
  const auto part = t.layout.learned + static_cast<std::size_t>(learning<Chain>::memory + k);
  return reinterpret_cast<float*>(t.state + t.layout.parts[part].offset);
}

/// What an observing rule may ask about the chunk [begin, end) of a tensor.
template <class R, int Sliced, class Chain, class Target, class G> struct observed_chunk {
  const typename Chain::frame& frame;
  Target target;
  const G* gradient;
  float scale;
  index_t begin, end;
  const tensor_record& tensor;

  index_t first(index_t every) const { return (begin + every - 1) / every; }
  static constexpr index_t stride() { return 1; }
  float p(index_t i) const { return target.load(one{i}); }
  /// u as it comes to the rule.
  float u(index_t i, float p) const {
    return before<R>(static_cast<const Chain*>(nullptr), frame, load(gradient, one{i}) * scale, p);
  }
  /// The sum of the squares of the scaled gradient.
  double squared_norm() const {
    return mango::squared_norm(gradient, begin, end) * static_cast<double>(scale) * static_cast<double>(scale);
  }
  template <class F> void each(index_t every, double* to, const F& f) const {
    constexpr index_t lanes = packet::lanes;
    const observed_chunk local = *this;  // its address never escapes, so no store can be thought to change it
    const index_t last = (end + every - 1) / every;
    index_t j = first(every);
    using sums = decltype(f(one{j}, 0.0f, 0.0f));
    double some[sums::count * packet::lanes] = {};
    for (; j + lanes <= last; j += lanes) {
      const index_t i = j * every;
      local.ask_for(i, every);
      constexpr std::make_index_sequence<packet::lanes> all{};
      const packet x = gather([&](one at) { return local.target.load(at); }, i, every, all);
      const packet g = gather([&](one at) { return load(local.gradient, at); }, i, every, all);
      const auto r = f(whole{j}, x, before<R>(static_cast<const Chain*>(nullptr), local.frame, g * local.scale, x));
      for (int k = 0; k < sums::count; ++k) add_products(some + k * lanes, r.a[k], r.b[k]);
    }
    for (; j < last; ++j) {
      const float x = local.p(j * every);
      const auto r = f(one{j}, x, local.u(j * every, x));
      for (int k = 0; k < sums::count; ++k) to[k] += static_cast<double>(r.a[k]) * static_cast<double>(r.b[k]);
    }
    for (int k = 0; k < sums::count; ++k)
      for (int lane = 0; lane < lanes; ++lane) to[k] += some[k * lanes + lane];
  }
  float* slice(int k) const { return slice_of<Chain>(tensor, Sliced + k); }

  template <class Q, int At> observed_chunk<Q, At, Chain, Target, G> as() const {
    return {frame, target, gradient, scale, begin, end, tensor};
  }

 private:
  // what comes a few lines behind is fetched, where every line has something to look at: such strides are more than the
  // hardware sees coming
  void ask_for(index_t i, index_t every) const {
    if (every > 16) return;
    for (index_t at = 0; at < packet::lanes * every; at += 16) {
      __builtin_prefetch(gradient + i + at + prefetch_distance);
      target.prefetch(i + at + prefetch_distance);
    }
  }
  // lane l is element i + l every
  template <std::size_t... L, class Array>
  static packet gather(const Array& of, index_t i, index_t every, std::index_sequence<L...>) {
    packet x(0.0f);
    (x.set(static_cast<int>(L), of(one{i + static_cast<index_t>(L) * every})), ...);
    return x;
  }
};

/// What the rules of a chain observe of numbers that are about to be moved, added to `sums`.
template <class Chain, class Target, class G>
void observe_range(const Target& target, const tensor_record& t, const G* gradient, const typename Chain::frame& frame,
                   float scale, index_t begin, index_t end, double* sums) {
  const observed_chunk<void, 0, Chain, Target, G> seen{frame, target, gradient, scale, begin, end, t};
  observe(static_cast<const Chain*>(nullptr), frame, seen, sums);
}

/// What pools of learning rules need: of every tensor the first of its shape, and room for a pool's numbers.
struct pooling {
  list<std::uint32_t> same_shape;
  list<double> room;
  /// One tensor more, beside those there are.
  void note(const shape& s, const list<tensor_record*>& tensors, std::size_t groups) {
    auto i = static_cast<std::uint32_t>(tensors.size());
    for (std::uint32_t k = 0; k < tensors.size() && i == tensors.size(); ++k)
      if (tensors[k]->spec.shape == s) i = k;
    same_shape.resize(tensors.size());
    same_shape.push_back(i);
    room.reserve(4 * (tensors.size() + groups + 1));
  }
};

/// Between two steps: tensors of a pool learn from each other. `rules` are those of every group.
template <class Chain> void share_learned(const list<Chain>& rules, const list<tensor_record*>& tensors, pooling& by) {
  each_learning(rules[0], [&]<class R, int Memory, int, int>(const R& first) {
    if constexpr (pooling_rule<R>) {
      constexpr std::size_t size = sizeof(typename R::pooled) / sizeof(double);
      by.room.resize(size * (tensors.size() > rules.size() ? tensors.size() : rules.size()));
      for (double& x : by.room) x = 0;
      const auto each = [&](auto f) {
        for (std::size_t i = 0; i < tensors.size(); ++i) {
          const auto place = place_in(first.pooled_by(), i, tensors[i]->group, by.same_shape[i]);
          double* const at = by.room.begin() + size * place;
          auto all = read_memory<typename R::pooled>(at);
          auto m = read_memory<typename R::memory>(memory_of(*tensors[i]) + Memory);
          f(rule_of<R>(rules[tensors[i]->group]), all, m);
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
