#pragma once
// an optimizer with a few tensors
#include "io/rewritten.hpp"
#include "optim/caught.hpp"
#include "optim/model.hpp"
#include "optim/snapshot.hpp"

namespace io_test {

using optim_test::caught, optim_test::check_error, optim_test::contains, optim_test::snapshot, optim_test::index_t;

/// Tensors of every kind of shape, whose gradients depend on the step alone.
template <class Optimizer, class P = float> struct trained : optim_test::model<P> {
  static inline const std::vector<mango::shape> shapes{{7}, {30, 41}, {}, {0}, {2, 3, 128}, {70'001}};
  Optimizer opt;

  explicit trained(const typename Optimizer::config& config) : optim_test::model<P>(sizes()), opt(config) {
    for (std::size_t i = 0; i < this->size(); ++i)
      opt.add(this->name(i), {.shape = shapes[i], .parameter = mango::dtype_of<P>}, this->p[i], this->g[i]);
  }
  void train(unsigned from, unsigned to) {
    for (unsigned k = from; k < to; ++k) {
      this->backward(k);
      REQUIRE(opt.step().applied);
    }
  }
  void take_parameters(const trained& other) {
    for (std::size_t i = 0; i < this->size(); ++i) optim_test::refill(this->p[i], other.p[i]);
  }
  /// Steps that nobody will remember: what is loaded takes the place of something.
  void disturb() {
    auto kept = this->p;
    train(100, 102);
    for (std::size_t i = 0; i < this->size(); ++i) optim_test::refill(this->p[i], kept[i]);
  }

 private:
  static std::vector<index_t> sizes() {
    std::vector<index_t> out;
    for (const auto& s : shapes) out.push_back(s.elements());
    return out;
  }
};

}  // namespace io_test
