// A causal character transformer: embedding, pre-norm blocks, a last norm and a dense head.
#include "compare/format.hpp"
#include "compare/model/model.hpp"
#include "mango/nn/dense.hpp"
#include "mango/nn/embedding.hpp"
#include "mango/nn/encoder.hpp"
#include "mango/nn/norm.hpp"

namespace compare {
namespace {

constexpr index_t width = 96, heads = 4, blocks = 3;

class gpt final : public model {
 public:
  explicit gpt(const extents& e)
      : embedding_{e.vocabulary, e.window, width}, norm_{width}, head_{width, e.vocabulary}, window_{e.window} {
    const nn::encoder_config block{
        .width = width, .heads = heads, .length = e.window, .hidden = 4 * width, .causal = true};
    for (index_t b = 0; b < blocks; ++b) blocks_.emplace_back(block);
    activations_.resize(blocks_.size() + 1);
  }

  [[nodiscard]] std::string summary() const override {
    return print("%td causal blocks, width %td, %td heads, window %td, %td bytes of vocabulary", blocks, width, heads,
                 window_, head_.weight.value.rows());
  }

  void initialize(std::uint64_t seed) override {
    embedding_.initialize(nn::derive_seed(seed, "embedding"));
    for (std::size_t b = 0; b < blocks_.size(); ++b) blocks_[b].initialize(nn::derive_seed(seed, block_name(b)));
    norm_.initialize();
    head_.initialize(nn::derive_seed(seed, "head"), nn::gain_linear);
  }

  void each_parameter(const parameter_visitor& visit) override {
    embedding_.each_parameter("embedding", visit);
    for (std::size_t b = 0; b < blocks_.size(); ++b) blocks_[b].each_parameter(block_name(b), visit);
    norm_.each_parameter("norm", visit);
    head_.each_parameter("head", visit);
  }

  nn::classification train(const part& x, float share) override {
    const auto result = evaluate(x);
    loss_.backward(logits_, share);
    head_.backward(logits_, normed_);
    norm_.backward(normed_, activations_.back());
    for (std::size_t b = blocks_.size(); b-- > 0;) blocks_[b].backward(activations_[b + 1], activations_[b]);
    embedding_.backward(activations_.front());
    return result;
  }

  nn::classification evaluate(const part& x) override {
    embedding_.forward(x.tokens, activations_.front());
    for (std::size_t b = 0; b < blocks_.size(); ++b) blocks_[b].forward(activations_[b], activations_[b + 1]);
    norm_.forward(activations_.back(), normed_);
    head_.forward(normed_, logits_);
    return loss_.forward(logits_, x.targets);
  }

 private:
  static std::string block_name(std::size_t b) { return "block" + std::to_string(b); }

  nn::embedding<float> embedding_;
  std::vector<nn::encoder<float>> blocks_;
  nn::layer_norm<float> norm_;
  nn::dense<float> head_;
  nn::cross_entropy<float> loss_;
  index_t window_;
  std::vector<matrix> activations_;  // before the first block and after each, then their gradients
  matrix normed_, logits_;
};

}  // namespace

std::unique_ptr<model> make_gpt(const extents& e) { return std::make_unique<gpt>(e); }

}  // namespace compare
