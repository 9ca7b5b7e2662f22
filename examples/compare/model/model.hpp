#pragma once
// what the trainer asks of a network
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "mango/nn/cross_entropy.hpp"
#include "mango/nn/matrix.hpp"

namespace compare {

namespace nn = mango::nn;
using mango::index_t;
using matrix = nn::matrix<float>;

/// Some examples: images as the rows of `pixels`, or tokens of whole windows one after the other; one target per row of
/// logits.
struct part {
  matrix pixels;
  std::vector<std::uint8_t> tokens, targets;
};

/// What a network must fit: images of three extents and so many classes, or windows of tokens of a vocabulary.
struct extents {
  index_t channels = 0, height = 0, width = 0, classes = 0;
  index_t window = 0, vocabulary = 0;
};

using parameter_visitor = std::function<void(const std::string& name, std::span<float> value, std::span<float> gradient,
                                             const std::vector<index_t>& shape)>;

/// One replica of a network with its loss.
class model {
 public:
  virtual ~model() = default;
  /// One line for reports: layers and sizes.
  [[nodiscard]] virtual std::string summary() const = 0;
  /// Weights as a function of the seed alone.
  virtual void initialize(std::uint64_t seed) = 0;
  /// Every tensor, in a fixed order, under stable names.
  virtual void each_parameter(const parameter_visitor& visit) = 0;
  /// Mean loss of `x`; ADDS `share` times its gradient to the gradients.
  virtual nn::classification train(const part& x, float share) = 0;
  /// Mean loss of `x` and how many targets have the largest logit.
  virtual nn::classification evaluate(const part& x) = 0;
};

/// "mlp", "convnet" or "gpt" for data of these extents.
std::unique_ptr<model> make_model(const std::string& name, const extents& e);

std::unique_ptr<model> make_mlp(const extents& e);
std::unique_ptr<model> make_convnet(const extents& e);
std::unique_ptr<model> make_gpt(const extents& e);

}  // namespace compare
