// Three dense layers with ReLU between them: pixels - 256 - 128 - classes.
#include "compare/format.hpp"
#include "compare/model/model.hpp"
#include "mango/nn/activation.hpp"
#include "mango/nn/dense.hpp"

namespace compare {
namespace {

constexpr index_t first_width = 256, second_width = 128;

class mlp final : public model {
 public:
  explicit mlp(const extents& e)
      : dense1_{e.channels * e.height * e.width, first_width},
        dense2_{first_width, second_width},
        dense3_{second_width, e.classes} {}

  [[nodiscard]] std::string summary() const override {
    return print("%td-%td-%td-%td with ReLU", dense1_.weight.value.cols(), first_width, second_width,
                 dense3_.weight.value.rows());
  }

  void initialize(std::uint64_t seed) override {
    dense1_.initialize(nn::derive_seed(seed, "dense1"));
    dense2_.initialize(nn::derive_seed(seed, "dense2"));
    dense3_.initialize(nn::derive_seed(seed, "dense3"), nn::gain_linear);
  }

  void each_parameter(const parameter_visitor& visit) override {
    dense1_.each_parameter("dense1", visit);
    dense2_.each_parameter("dense2", visit);
    dense3_.each_parameter("dense3", visit);
  }

  nn::classification train(const part& x, float share) override {
    const auto result = evaluate(x);
    loss_.backward(logits_, share);
    dense3_.backward(logits_, second_);
    relu2_.backward(second_, second_);
    dense2_.backward(second_, first_);
    relu1_.backward(first_, first_);
    dense1_.backward(first_);
    return result;
  }

  nn::classification evaluate(const part& x) override {
    dense1_.forward(x.pixels, first_);
    relu1_.forward(first_, first_);
    dense2_.forward(first_, second_);
    relu2_.forward(second_, second_);
    dense3_.forward(second_, logits_);
    return loss_.forward(logits_, x.targets);
  }

 private:
  nn::dense<float> dense1_, dense2_, dense3_;
  nn::relu<float> relu1_, relu2_;
  nn::cross_entropy<float> loss_;
  matrix first_, second_, logits_;  // activations, then their gradients
};

}  // namespace

std::unique_ptr<model> make_mlp(const extents& e) { return std::make_unique<mlp>(e); }

}  // namespace compare
