#pragma once
// A named optimizer: rules that follow from a configuration.
#include "mango/optim/optimizer.hpp"

namespace mango::inline MANGO_ABI {

/// What a named optimizer adds to `optimizer`. Recipe has
///   using config;  static constexpr std::string_view kind;  static auto rules(const config&)
/// and rules() raises errc::config for a configuration that means nothing.
template <class Recipe, class Stores, elementwise_backend Backend>
class named_optimizer : public optimizer<decltype(Recipe::rules({})), Stores, Backend> {
  using base = optimizer<decltype(Recipe::rules({})), Stores, Backend>;

 public:
  using config = typename Recipe::config;
  explicit named_optimizer(const config& c = {}, const Backend& backend = {})
      : base(Recipe::rules(c), {}, backend, c.options), config_(c) {}
  using base::group;
  /// Other hyperparameters for the tensors that match; `c.options` are the optimizer's and not looked at again.
  std::size_t group(const tensor_filter& filter, const config& c) {
    if constexpr (requires { Recipe::check_group(config_, c); }) Recipe::check_group(config_, c);
    return base::group(filter, Recipe::rules(c));
  }
  static constexpr std::string_view kind() { return Recipe::kind; }
  text describe() const { return base::describe(kind()); }

 private:
  config config_;
};

}  // namespace mango
