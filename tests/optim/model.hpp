#pragma once
// a small set of tensors with parameters and gradients of one type each, to run through an optimizer in several ways
#include <string>
#include <vector>

#include "mango/optim/tensor.hpp"
#include "optim/numbers.hpp"

namespace optim_test {

/// Tensors of these sizes. `P` and `G` are float, bfloat16 or float16; gradients depend on the step alone.
template <class P = float, class G = P> struct model {
  std::vector<std::vector<P>> p;
  std::vector<std::vector<G>> g;
  std::vector<mango::tensor_id> ids;

  explicit model(const std::vector<index_t>& sizes) {
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      p.push_back(as<P>(uniform(sizes[i], 10 + i)));
      g.emplace_back(p[i].size());
    }
    backward(0);
  }
  std::size_t size() const { return p.size(); }
  static std::string name(std::size_t i) { return "tensor." + std::to_string(i); }

  /// The gradients of step k, in place; the even tensors' are larger.
  void backward(unsigned k) {
    for (std::size_t i = 0; i < size(); ++i)
      refill(g[i], as<G>(uniform(std::ssize(g[i]), 1000 * (k + 1) + i, -1, i % 2 == 0 ? 2.0 : 0.5)));
  }
  /// Registers every tensor, and binds it if asked to.
  template <class Optimizer> void register_in(Optimizer& opt, bool bound) {
    for (std::size_t i = 0; i < size(); ++i) {
      const mango::tensor_spec spec{.shape = {std::ssize(p[i])}, .parameter = mango::dtype_of<P>};
      ids.push_back(bound ? opt.add(name(i), spec, p[i], g[i]) : opt.add(name(i), spec));
    }
  }
  bool same_parameters(const model& other) const {
    bool same = size() == other.size();
    for (std::size_t i = 0; same && i < size(); ++i) same = same_bits(p[i], other.p[i]);
    return same;
  }

 private:
  template <class E> static std::vector<E> as(const std::vector<float>& x) {
    if constexpr (std::same_as<E, float>) return x;
    else {
      std::vector<E> out;
      for (const float v : x) out.push_back(mango::round_nearest<E>(v));
      return out;
    }
  }
};

}  // namespace optim_test
