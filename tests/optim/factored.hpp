#pragma once
// factored state for tests: a rule that shows what a store holds, and its arrays as vectors
#include <string>
#include <vector>

#include "mango/optim/optimizer.hpp"
#include "mango/store/factored.hpp"
#include "optim/numbers.hpp"
#include "optim/snapshot.hpp"

namespace optim_test {

/// u <- what the slot held; the slot <- u. Under update_into() the step is what was decoded.
template <mango::range R> struct keep_last {
  static constexpr std::array slots{mango::slot{"x", R}};
  struct frame {};
  frame fold(const mango::step_info&) const { return {}; }
  template <class T> static T apply(const frame&, T u, T& x) {
    const T old = x;
    x = u;
    return old;
  }
};

/// One matrix in a factored store: encode() writes it, decode() reads it (and writes `next` in its place).
template <mango::range R, class Store = mango::factored<>> struct kept_matrix {
  using optimizer = mango::optimizer<decltype(mango::chain(keep_last<R>{})), mango::stores<Store>>;
  std::vector<float> p;
  optimizer opt{mango::chain(keep_last<R>{})};
  mango::tensor_id id;

  explicit kept_matrix(index_t n) : p(static_cast<std::size_t>(n)), id(opt.add("w", n)) {}
  void encode(std::span<const float> x) { decode(x); }
  std::vector<float> decode(std::span<const float> next) {
    std::vector<float> delta(p.size());
    opt.begin_step().update_into(id, p, next, delta);
    return delta;
  }
  std::vector<float> rows() const { return copy("rows"); }
  std::vector<float> columns() const { return copy("columns"); }
  std::vector<bool> signs() const;

 private:
  std::vector<float> copy(const char* part) const {
    const auto x = floats_of(opt, "w", "x", part);
    return {x.begin(), x.end()};
  }
};

/// The bits of a slot's part "signs", in their order; no more of them than `count`.
inline std::vector<bool> signs_of(const mango::tensor_registry& from, std::string_view tensor, std::string_view slot,
                                  std::size_t count) {
  std::vector<bool> out;
  for (const auto& p : from.state(tensor)) {
    if (slot != p.slot || std::string_view(p.part) != "signs") continue;
    for (std::size_t i = 0; i < count; ++i)
      out.push_back((std::to_integer<unsigned>(p.bytes[i / 8]) >> i % 8 & 1u) != 0);
  }
  return out;
}

template <mango::range R, class Store> std::vector<bool> kept_matrix<R, Store>::signs() const {
  return signs_of(opt, "w", "x", p.size());
}

}  // namespace optim_test
