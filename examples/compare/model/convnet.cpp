// A small residual network without normalisation: a stem, two stages of one residual block each, a dense head.
// Residual branches start small (gain 0.1), which keeps the scale of the activations without a norm: Zhang et al. 2019,
// "Fixup", arXiv:1901.09321, section 3, starts them at zero.
#include "compare/format.hpp"
#include "compare/model/model.hpp"
#include "mango/nn/activation.hpp"
#include "mango/nn/conv2d.hpp"
#include "mango/nn/dense.hpp"

namespace compare {
namespace {

constexpr index_t stem_filters = 8, first_filters = 24, second_filters = 48;
constexpr double branch_gain = 0.1;

nn::conv2d_config three_by_three(index_t channels, index_t height, index_t width, index_t filters, index_t stride) {
  return {.channels = channels,
          .height = height,
          .width = width,
          .filters = filters,
          .kernel = 3,
          .stride = stride,
          .padding = 1};
}

// y = relu(z + conv2(relu(conv1(z)))) with z = relu(down(x)); down halves height and width.
class stage {
 public:
  stage(index_t channels, index_t height, index_t width, index_t filters)
      : down_{three_by_three(channels, height, width, filters, 2)},
        conv1_{three_by_three(filters, down_.out_height(), down_.out_width(), filters, 1)},
        conv2_{three_by_three(filters, down_.out_height(), down_.out_width(), filters, 1)} {}

  [[nodiscard]] index_t height() const { return down_.out_height(); }
  [[nodiscard]] index_t width() const { return down_.out_width(); }

  void initialize(std::uint64_t seed) {
    down_.initialize(nn::derive_seed(seed, "down"));
    conv1_.initialize(nn::derive_seed(seed, "conv1"));
    conv2_.initialize(nn::derive_seed(seed, "conv2"), branch_gain);
  }

  void each_parameter(const std::string& prefix, const parameter_visitor& visit) {
    down_.each_parameter(prefix + ".down", visit);
    conv1_.each_parameter(prefix + ".conv1", visit);
    conv2_.each_parameter(prefix + ".conv2", visit);
  }

  void forward(const matrix& x, matrix& y) {
    down_.forward(x, trunk_);
    relu0_.forward(trunk_, trunk_);
    conv1_.forward(trunk_, branch_);
    relu1_.forward(branch_, branch_);
    conv2_.forward(branch_, y);
    y += trunk_;
    relu2_.forward(y, y);
  }

  // Overwrites dy with the gradient at the sum.
  void backward(matrix& dy, matrix& dx) {
    relu2_.backward(dy, dy);
    conv2_.backward(dy, branch_);
    relu1_.backward(branch_, branch_);
    conv1_.backward(branch_, trunk_);
    trunk_ += dy;
    relu0_.backward(trunk_, trunk_);
    down_.backward(trunk_, dx);
  }

 private:
  nn::conv2d<float> down_, conv1_, conv2_;
  nn::relu<float> relu0_, relu1_, relu2_;
  matrix trunk_, branch_;
};

class convnet final : public model {
 public:
  explicit convnet(const extents& e)
      : stem_{three_by_three(e.channels, e.height, e.width, stem_filters, 1)},
        stage1_{stem_filters, e.height, e.width, first_filters},
        stage2_{first_filters, stage1_.height(), stage1_.width(), second_filters},
        head_{second_filters * stage2_.height() * stage2_.width(), e.classes} {}

  [[nodiscard]] std::string summary() const override {
    return print("residual, %td-%td-%td filters, no norm", stem_filters, first_filters, second_filters);
  }

  void initialize(std::uint64_t seed) override {
    stem_.initialize(nn::derive_seed(seed, "stem"));
    stage1_.initialize(nn::derive_seed(seed, "stage1"));
    stage2_.initialize(nn::derive_seed(seed, "stage2"));
    head_.initialize(nn::derive_seed(seed, "head"), nn::gain_linear);
  }

  void each_parameter(const parameter_visitor& visit) override {
    stem_.each_parameter("stem", visit);
    stage1_.each_parameter("stage1", visit);
    stage2_.each_parameter("stage2", visit);
    head_.each_parameter("head", visit);
  }

  nn::classification train(const part& x, float share) override {
    const auto result = evaluate(x);
    loss_.backward(logits_, share);
    head_.backward(logits_, second_);
    stage2_.backward(second_, first_);
    stage1_.backward(first_, wide_);
    relu_.backward(wide_, wide_);
    stem_.backward(wide_);
    return result;
  }

  nn::classification evaluate(const part& x) override {
    stem_.forward(x.pixels, wide_);
    relu_.forward(wide_, wide_);
    stage1_.forward(wide_, first_);
    stage2_.forward(first_, second_);
    head_.forward(second_, logits_);
    return loss_.forward(logits_, x.targets);
  }

 private:
  nn::conv2d<float> stem_;
  nn::relu<float> relu_;
  stage stage1_, stage2_;
  nn::dense<float> head_;
  nn::cross_entropy<float> loss_;
  matrix wide_, first_, second_, logits_;  // activations, then their gradients
};

}  // namespace

std::unique_ptr<model> make_convnet(const extents& e) { return std::make_unique<convnet>(e); }

}  // namespace compare
