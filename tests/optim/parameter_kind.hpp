#pragma once
// the kinds of parameter an optimizer can have: fp32, 16 bits in each rounding, 16 bits with an fp32
// master copy
#include <concepts>
#include <vector>

#include "mango/core/round.hpp"
#include "mango/optim/tensor.hpp"

namespace optim_test {

enum class kind { f32, stochastic, kahan, nearest, master };
inline constexpr kind kinds[] = {kind::f32, kind::stochastic, kind::kahan, kind::nearest, kind::master};

inline mango::optimizer_options options_for(kind k) {
  return {.half_parameters = k == kind::kahan     ? mango::rounding::kahan
                             : k == kind::nearest ? mango::rounding::nearest
                                                  : mango::rounding::stochastic};
}
inline mango::tensor_spec spec_for(kind k, mango::index_t n, mango::dtype half = mango::dtype::bf16) {
  return {.shape = {n}, .parameter = k == kind::f32 ? mango::dtype::f32 : half, .master = k == kind::master};
}

/// A number in the type of an array that holds it, and all of them.
template <class E> E as(float x) {
  if constexpr (std::same_as<E, float>) return x;
  else return mango::round_nearest<E>(x);
}
template <class E> std::vector<E> all_as(const std::vector<float>& x) {
  std::vector<E> out;
  for (const float v : x) out.push_back(as<E>(v));
  return out;
}

}  // namespace optim_test
