#pragma once
// from stored bytes to the parts that models take
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "compare/data/images.hpp"
#include "compare/data/text.hpp"
#include "compare/model/model.hpp"

namespace compare {

/// Gives out training examples by index and held-out examples in order. const: parts may be filled concurrently.
class feed {
 public:
  virtual ~feed() = default;
  [[nodiscard]] virtual extents shape() const = 0;
  /// Training examples to draw from, and how many of them make one pass over the data.
  [[nodiscard]] virtual std::size_t train_size() const = 0;
  [[nodiscard]] virtual std::size_t per_epoch() const = 0;
  [[nodiscard]] virtual std::size_t held_out_size() const = 0;
  /// Images or tokens in one example.
  [[nodiscard]] virtual std::size_t units() const = 0;
  virtual void train(std::span<const std::uint32_t> which, part& out) const = 0;
  virtual void held_out(std::size_t first, std::size_t count, part& out) const = 0;
};

/// Pixels less the training half's mean per channel, divided by its deviation.
std::unique_ptr<feed> make_image_feed(image_data data);

/// Windows of `window` tokens and, as targets, the tokens that follow each. A training example starts at any token;
/// held-out windows lie end to end.
std::unique_ptr<feed> make_text_feed(text_data data, index_t window);

/// The order of training examples: a fresh permutation of [0, size) per pass, a function of the seed alone.
class order {
 public:
  order(std::size_t size, std::uint64_t seed);
  /// The next out.size() indices; a batch may straddle two passes.
  void next(std::span<std::uint32_t> out);

 private:
  void shuffle();

  std::vector<std::uint32_t> permutation_;
  std::uint64_t seed_;
  std::uint32_t pass_ = 0;
  std::size_t at_ = 0;
};

}  // namespace compare
