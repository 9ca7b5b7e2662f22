#pragma once
// A device optimizer's learning rules: where what every tensor remembers lies, and the kernels that change it.
#include "mango/optim/learn.hpp"

#include "mango/cuda/device_array.hpp"
#include "mango/cuda/learn.cuh"

namespace mango::inline MANGO_ABI::cuda {

/// Of a chain without such rules all of this is nothing.
template <class Chain> class learners {
  using learning = mango::detail::learning<Chain>;

 public:
  void upload(const list<mango::detail::tensor_record*>& tensors, const list<Chain>& rules, const device& where) {
    if constexpr (learning::memory > 0) {
      list<double*> memories;
      for (const auto* t : tensors) memories.push_back(mango::detail::memory_of(*t));
      memories_.assign(memories, where);
      observes_ = false;
      for (const auto& r : rules) observes_ = observes_ || mango::detail::observes(r);
      tensors_ = static_cast<index_t>(tensors.size());
      if constexpr (learning::pools) upload_pools(tensors, rules.size(), where);
    }
  }

  /// Before a step.
  void share(const Chain* rules, const std::uint32_t* groups, cudaStream_t stream) const {
    if constexpr (learning::pools) {
      if (tensors_ == 0) return;
      const pooled_tensors all{memories_.data(), groups, same_shape_on_device_.data(), room_.data(), tensors_, places_};
      launch("sharing what was learned", &share_learned<Chain>, 1, block_size, stream, all, rules);
    }
  }
  /// After the last pass, of `count` tensors.
  void learn(const settle_job* jobs, index_t count, const Chain* rules, const std::uint32_t* groups,
             const folded<Chain>* frames, cudaStream_t stream) const {
    if constexpr (learning::memory > 0)
      launch("learning from a step", &learn_from<Chain>, count, block_size, stream, jobs, observes_, rules, groups,
             memories_.data(), frames);
  }

  double* const* memories() const { return memories_.data(); }
  /// Whether some rule, as configured, looks at tensors before they are moved.
  bool observe() const { return observes_; }
  std::size_t bytes() const { return memories_.bytes() + same_shape_on_device_.bytes() + room_.bytes(); }

 private:
  // a tensor's shape never changes, so only those that came since are compared
  void upload_pools(const list<mango::detail::tensor_record*>& tensors, std::size_t groups, const device& where) {
    for (auto i = static_cast<std::uint32_t>(same_shape_.size()); i < tensors.size(); ++i) {
      std::uint32_t k = 0;
      while (k < i && !(tensors[k]->spec.shape == tensors[i]->spec.shape)) ++k;
      same_shape_.push_back(k);
    }
    same_shape_on_device_.assign(same_shape_, where);
    places_ = tensors_ > static_cast<index_t>(groups) ? tensors_ : static_cast<index_t>(groups);
    room_.reserve(static_cast<std::size_t>(places_) * learning::pooled, where);
  }

  list<std::uint32_t> same_shape_;  // of every tensor the first of its shape
  device_array<std::uint32_t> same_shape_on_device_;
  device_array<double*> memories_;
  device_array<double> room_;
  index_t tensors_ = 0, places_ = 0;
  bool observes_ = false;
};

}  // namespace mango::inline MANGO_ABI::cuda
