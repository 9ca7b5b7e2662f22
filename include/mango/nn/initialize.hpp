#pragma once
// First values of parameters: pure functions of a seed, equal on every machine up to the last bit of log, sqrt and cos.
#include <cmath>
#include <string_view>

#include "mango/core/philox.hpp"
#include "mango/nn/matrix.hpp"

namespace mango::inline MANGO_ABI::nn {

/// How much a layer's weights are scaled up for what follows it: sqrt(2) before ReLU or GELU, which drop half of the
/// variance, and 1 before anything linear (logits, a residual sum).
inline constexpr double gain_relu = 1.4142135623730951, gain_linear = 1.0;

namespace detail {
/// The stream of random numbers that initialisation reads, apart from those of the optimizers.
inline constexpr std::uint8_t initialize_stream = 0xa0, seed_stream = 0xa1;

/// Uniform in (0, 1), never 0 or 1.
constexpr double unit_interval(std::uint32_t word) { return (static_cast<double>(word) + 0.5) * 0x1p-32; }

/// value[i] = f(words of block i / 4, i % 4).
template <class T, class F> void fill_from_blocks(parameter<T>& p, std::uint64_t seed, F&& f) {
  for (index_t i = 0; i < p.value.size(); ++i) {
    const auto words = random_block({.seed = seed, .stream = initialize_stream}, static_cast<std::uint64_t>(i) / 4);
    p.value.data()[i] = static_cast<T>(f(words, static_cast<std::size_t>(i % 4)));
  }
}
}  // namespace detail

/// The seed of a part of a model: independent streams for different names. Layers use it for their parts; models use
/// it for their layers: conv1.initialize(derive_seed(seed, "conv1")).
inline std::uint64_t derive_seed(std::uint64_t seed, std::string_view name) {
  const auto words = random_block({.seed = seed, .tensor = name_hash(name), .stream = detail::seed_stream}, 0);
  return words[0] | std::uint64_t{words[1]} << 32;
}

/// Uniform in (-bound, bound).
template <class T> void fill_uniform(parameter<T>& p, double bound, std::uint64_t seed) {
  detail::fill_from_blocks(
      p, seed, [&](const auto& words, std::size_t i) { return bound * (2 * detail::unit_interval(words[i]) - 1); });
}

/// Normal with mean 0, by Box and Muller's transform: two words make the cosine and the sine of one angle.
template <class T> void fill_normal(parameter<T>& p, double deviation, std::uint64_t seed) {
  constexpr double two_pi = 6.283185307179586;
  detail::fill_from_blocks(p, seed, [&](const auto& words, std::size_t i) {
    const double radius = std::sqrt(-2 * std::log(detail::unit_interval(words[i / 2 * 2])));
    const double angle = two_pi * detail::unit_interval(words[i / 2 * 2 + 1]);
    return deviation * radius * (i % 2 == 0 ? std::cos(angle) : std::sin(angle));
  });
}

/// Uniform in +-gain sqrt(3 / fan_in), so that the variance is gain^2 / fan_in; fan_in is the columns of the weight
/// (inputs of a dense layer, channels times kernel area of a convolution). He et al. 2015, equation 10,
/// arXiv:1502.01852, drawn uniformly ("Kaiming uniform").
/// Differs: PyTorch's layers default to gain 1 / sqrt(3) and draw the biases too; ours start at zero, as in the paper.
template <class T> void kaiming_uniform(parameter<T>& weight, double gain, std::uint64_t seed) {
  fill_uniform(weight, gain * std::sqrt(3 / static_cast<double>(weight.value.cols())), seed);
}

}  // namespace mango::inline MANGO_ABI::nn
