#pragma once
// The matrix that layers pass on, a parameter beside its gradient, and the ways to visit all parameters of a model.
//
// What holds for every layer of nn/: a batch is the rows of a matrix. `forward` keeps what `backward` needs, so they
// come in pairs, and the parameters must not change in between. `backward` overwrites dx and ADDS to the gradients of
// the parameters. Buffers are kept, so that a second call with the same batch size asks for no memory (Eigen's product
// may still take scratch of its own for large operands). Layers are values: a copy is an independent replica. They own
// no threads; to use several, give each thread a replica and a part of the batch, and add up the gradients.
#include <Eigen/Core>
#include <algorithm>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mango/core/types.hpp"

namespace mango::inline MANGO_ABI::nn {

/// Row-major, sized at run time.
template <class T> using matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// "encoder0" and "norm1" make "encoder0.norm1"; an empty prefix adds no dot.
inline std::string join_name(std::string_view prefix, std::string_view name) {
  std::string joined(prefix);
  if (!joined.empty()) joined += '.';
  return joined += name;
}

/// A trained tensor and its gradient, both zero at first. One extent n is stored as 1 x n, more as the first extent by
/// the product of the others, row-major: (filters, channels, height, width) is filters x (channels height width).
template <class T> struct parameter {
  std::vector<index_t> extents;
  matrix<T> value, gradient;

  explicit parameter(std::initializer_list<index_t> shape) : extents(shape) {
    index_t elements = 1;
    for (const index_t extent : extents) elements *= extent;
    const index_t rows = extents.size() > 1 ? extents.front() : 1;
    value = gradient = matrix<T>::Zero(rows, elements / rows);
  }
  /// Calls f(std::string name, std::span<T> value, std::span<T> gradient, std::vector<index_t> extents).
  template <class F> void visit(std::string_view prefix, std::string_view name, F&& f) {
    const auto elements = static_cast<std::size_t>(value.size());
    f(join_name(prefix, name), std::span<T>(value.data(), elements), std::span<T>(gradient.data(), elements), extents);
  }
};

/// The base of layers that have nothing to train, so that models can treat all layers alike.
struct no_parameters {
  template <class F> void each_parameter(std::string_view, F&&) {}
};

/// Sets the gradients of a layer or model to zero: before the first backward of every step.
template <class Model> void zero_gradients(Model& model) {
  model.each_parameter(
      "", [](const std::string&, auto, auto gradient, const auto&) { std::fill(gradient.begin(), gradient.end(), 0); });
}

/// How many numbers a layer or model trains.
template <class Model> index_t parameter_count(Model& model) {
  index_t count = 0;
  model.each_parameter(
      "", [&](const std::string&, auto value, auto, const auto&) { count += static_cast<index_t>(value.size()); });
  return count;
}

}  // namespace mango::inline MANGO_ABI::nn
