#include "compare/feed.hpp"

#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include "compare/data/bytes.hpp"
#include "mango/core/philox.hpp"

namespace compare {
namespace {

class image_feed final : public feed {
 public:
  explicit image_feed(image_data data) : data_{std::move(data)}, value_(data_.train.channels) {
    const std::size_t plane = data_.train.height * data_.train.width, image = data_.train.image_bytes();
    for (std::size_t c = 0; c < data_.train.channels; ++c) {
      std::array<double, 256> count{};
      for (std::size_t i = 0; i < data_.train.size(); ++i) {
        for (std::size_t p = 0; p < plane; ++p) count[data_.train.pixels[i * image + c * plane + p]] += 1.0;
      }
      value_[c] = standardised(count);
    }
  }

  [[nodiscard]] extents shape() const override {
    const auto& t = data_.train;
    return {.channels = static_cast<index_t>(t.channels),
            .height = static_cast<index_t>(t.height),
            .width = static_cast<index_t>(t.width),
            .classes = static_cast<index_t>(t.classes)};
  }
  [[nodiscard]] std::size_t train_size() const override { return data_.train.size(); }
  [[nodiscard]] std::size_t per_epoch() const override { return data_.train.size(); }
  [[nodiscard]] std::size_t held_out_size() const override { return data_.test.size(); }
  [[nodiscard]] std::size_t units() const override { return 1; }

  void train(std::span<const std::uint32_t> which, part& out) const override {
    resize(which.size(), out);
    for (std::size_t row = 0; row < which.size(); ++row) copy(data_.train, which[row], row, out);
  }
  void held_out(std::size_t first, std::size_t count, part& out) const override {
    resize(count, out);
    for (std::size_t row = 0; row < count; ++row) copy(data_.test, first + row, row, out);
  }

 private:
  using table = std::array<float, 256>;

  // One float per byte value, from how often each value occurs.
  static table standardised(const std::array<double, 256>& count) {
    double total = 0.0, mean = 0.0, square = 0.0;
    for (std::size_t v = 0; v < 256; ++v) {
      const auto x = static_cast<double>(v);
      total += count[v];
      mean += count[v] * x;
      square += count[v] * x * x;
    }
    mean /= total;
    const double deviation = std::sqrt(std::max(1e-6, square / total - mean * mean));
    table out{};
    for (std::size_t v = 0; v < 256; ++v) out[v] = static_cast<float>((static_cast<double>(v) - mean) / deviation);
    return out;
  }
  void resize(std::size_t rows, part& out) const {
    out.pixels.resize(static_cast<index_t>(rows), static_cast<index_t>(data_.train.image_bytes()));
    out.targets.resize(rows);
  }
  void copy(const image_set& from, std::size_t index, std::size_t row, part& out) const {
    const std::size_t plane = from.height * from.width, image = from.image_bytes();
    const std::uint8_t* pixel = from.pixels.data() + index * image;
    float* to = out.pixels.data() + row * image;
    for (std::size_t c = 0; c < from.channels; ++c) {
      const table& value = value_[c];
      for (std::size_t p = 0; p < plane; ++p) *to++ = value[*pixel++];
    }
    out.targets[row] = from.labels[index];
  }

  image_data data_;
  std::vector<table> value_;
};

class text_feed final : public feed {
 public:
  text_feed(text_data data, index_t window) : data_{std::move(data)}, window_{static_cast<std::size_t>(window)} {
    if (data_.validation.size() <= window_ || data_.train.size() <= window_) {
      throw data_error("'" + data_.name + "' is too short for windows of " + std::to_string(window) + " tokens");
    }
  }

  [[nodiscard]] extents shape() const override {
    return {.window = static_cast<index_t>(window_), .vocabulary = static_cast<index_t>(data_.vocabulary.size())};
  }
  [[nodiscard]] std::size_t train_size() const override { return data_.train.size() - window_; }
  [[nodiscard]] std::size_t per_epoch() const override { return data_.train.size() / window_; }
  [[nodiscard]] std::size_t held_out_size() const override { return (data_.validation.size() - 1) / window_; }
  [[nodiscard]] std::size_t units() const override { return window_; }

  void train(std::span<const std::uint32_t> which, part& out) const override {
    resize(which.size(), out);
    for (std::size_t row = 0; row < which.size(); ++row) copy(data_.train, which[row], row, out);
  }
  void held_out(std::size_t first, std::size_t count, part& out) const override {
    resize(count, out);
    for (std::size_t row = 0; row < count; ++row) copy(data_.validation, (first + row) * window_, row, out);
  }

 private:
  void resize(std::size_t rows, part& out) const {
    out.tokens.resize(rows * window_);
    out.targets.resize(rows * window_);
  }
  void copy(const std::vector<std::uint8_t>& from, std::size_t start, std::size_t row, part& out) const {
    std::copy_n(from.data() + start, window_, out.tokens.data() + row * window_);
    std::copy_n(from.data() + start + 1, window_, out.targets.data() + row * window_);
  }

  text_data data_;
  std::size_t window_;
};

constexpr std::uint8_t order_stream = 0xb0;

}  // namespace

std::unique_ptr<feed> make_image_feed(image_data data) { return std::make_unique<image_feed>(std::move(data)); }

std::unique_ptr<feed> make_text_feed(text_data data, index_t window) {
  return std::make_unique<text_feed>(std::move(data), window);
}

order::order(std::size_t size, std::uint64_t seed) : permutation_(size), seed_{seed} {
  std::iota(permutation_.begin(), permutation_.end(), 0u);
  shuffle();
}

void order::next(std::span<std::uint32_t> out) {
  for (std::uint32_t& index : out) {
    if (at_ == permutation_.size()) {
      ++pass_;
      shuffle();
    }
    index = permutation_[at_++];
  }
}

// Fisher and Yates. The product's upper half maps 32 random bits to [0, i] with a bias below size / 2^32.
void order::shuffle() {
  at_ = 0;
  for (std::size_t i = permutation_.size() - 1; i > 0; --i) {
    const std::uint32_t word = mango::random_block({.seed = seed_, .epoch = pass_, .stream = order_stream}, i)[0];
    std::swap(permutation_[i], permutation_[static_cast<std::size_t>((std::uint64_t{word} * (i + 1)) >> 32)]);
  }
}

}  // namespace compare
