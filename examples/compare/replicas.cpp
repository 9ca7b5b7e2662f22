#include "compare/replicas.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace compare {
namespace {

// Examples per part when evaluating: about as many rows as a replica trains on, so evaluation needs no more memory.
constexpr std::size_t held_out_images = 32, held_out_windows = 8;

}  // namespace

replicas::replicas(const std::function<std::unique_ptr<model>()>& make, mango::threads& pool)
    : pool_{pool}, tensors_(replica_count), parts_(replica_count) {
  for (std::size_t r = 0; r < replica_count; ++r) {
    models_.push_back(make());
    models_.back()->each_parameter(
        [&](const std::string& name, std::span<float> value, std::span<float> gradient, const auto& shape) {
          tensors_[r].push_back({name, shape, value, gradient});
        });
  }
}

void replicas::initialize(std::uint64_t seed) { models_.front()->initialize(seed); }

std::size_t replicas::parameter_count() const {
  std::size_t count = 0;
  for (const tensor& t : tensors()) count += t.value.size();
  return count;
}

void replicas::copy_weights_to(std::size_t replica) {
  if (replica == 0) return;
  for (std::size_t t = 0; t < tensors().size(); ++t)
    std::ranges::copy(tensors()[t].value, tensors_[replica][t].value.begin());
}

void replicas::add_gradients() {
  pool_(static_cast<index_t>(tensors().size()), [&](index_t i) {
    const auto t = static_cast<std::size_t>(i);
    float* sum = tensors_.front()[t].gradient.data();
    for (std::size_t r = 1; r < replica_count; ++r) {
      const auto more = tensors_[r][t].gradient;
      for (std::size_t k = 0; k < more.size(); ++k) sum[k] += more[k];
    }
  });
}

nn::classification replicas::train(const feed& data, std::span<const std::uint32_t> batch) {
  std::array<nn::classification, replica_count> results{};
  const auto bound = [&](std::size_t r) { return batch.size() * r / replica_count; };
  pool_(static_cast<index_t>(replica_count), [&](index_t i) {
    const auto r = static_cast<std::size_t>(i);
    copy_weights_to(r);
    for (const tensor& t : tensors_[r]) std::ranges::fill(t.gradient, 0.0f);
    const std::size_t count = bound(r + 1) - bound(r);
    if (count == 0) return;  // a batch smaller than the number of replicas
    const double share = static_cast<double>(count) / static_cast<double>(batch.size());
    data.train(batch.subspan(bound(r), count), parts_[r]);
    results[r] = models_[r]->train(parts_[r], static_cast<float>(share));
    results[r].loss *= share;
  });
  add_gradients();
  nn::classification sum;
  for (const auto& result : results) {
    sum.loss += result.loss;
    sum.correct += result.correct;
  }
  return sum;
}

nn::classification replicas::evaluate(const feed& data) {
  const std::size_t size = data.held_out_size(), most = data.units() == 1 ? held_out_images : held_out_windows;
  const std::size_t pieces = (size + most - 1) / most;
  std::vector<nn::classification> results(pieces);
  pool_(static_cast<index_t>(replica_count), [&](index_t i) {
    const auto r = static_cast<std::size_t>(i);
    copy_weights_to(r);
    for (std::size_t p = r; p < pieces; p += replica_count) {
      const std::size_t first = p * most, count = std::min(most, size - first);
      data.held_out(first, count, parts_[r]);
      results[p] = models_[r]->evaluate(parts_[r]);
      results[p].loss *= static_cast<double>(count) / static_cast<double>(size);
    }
  });
  nn::classification sum;
  for (const auto& result : results) {
    sum.loss += result.loss;
    sum.correct += result.correct;
  }
  return sum;
}

double replicas::gradient_norm() {
  std::vector<double> squares(tensors().size(), 0.0);
  pool_(static_cast<index_t>(squares.size()), [&](index_t i) {
    const auto t = static_cast<std::size_t>(i);
    for (const float g : tensors()[t].gradient) squares[t] += static_cast<double>(g) * static_cast<double>(g);
  });
  double sum = 0.0;
  for (const double s : squares) sum += s;
  return std::sqrt(sum);
}

}  // namespace compare
