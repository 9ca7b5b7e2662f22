#pragma once
// one mini-batch over several copies of a network, bit for bit the same for any number of threads
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "compare/feed.hpp"
#include "compare/model/model.hpp"
#include "mango/backend/threads.hpp"

namespace compare {

/// Every batch is cut into this many parts, whatever the number of threads: the cut, and the order in which the parts'
/// gradients are added, decide the rounding.
inline constexpr std::size_t replica_count = 4;

/// A tensor of the first replica: what the optimizer updates.
struct tensor {
  std::string name;
  std::vector<index_t> shape;
  std::span<float> value, gradient;
};

class replicas {
 public:
  /// Makes the copies; `pool` runs them and must outlive this.
  replicas(const std::function<std::unique_ptr<model>()>& make, mango::threads& pool);

  void initialize(std::uint64_t seed);
  [[nodiscard]] const std::vector<tensor>& tensors() const { return tensors_.front(); }
  [[nodiscard]] std::size_t parameter_count() const;
  /// Bytes of the gradients of all copies.
  [[nodiscard]] std::size_t gradient_bytes() const { return replica_count * parameter_count() * sizeof(float); }

  /// Mean loss over the batch; leaves the mean gradient in tensors().
  nn::classification train(const feed& data, std::span<const std::uint32_t> batch);
  /// Mean loss over the held-out half, and the number of correct targets.
  nn::classification evaluate(const feed& data);
  /// Euclidean norm of the gradient in tensors(), in double and in a fixed order.
  double gradient_norm();

 private:
  void copy_weights_to(std::size_t replica);
  void add_gradients();

  mango::threads& pool_;
  std::vector<std::unique_ptr<model>> models_;
  std::vector<std::vector<tensor>> tensors_;
  std::vector<part> parts_;
};

}  // namespace compare
