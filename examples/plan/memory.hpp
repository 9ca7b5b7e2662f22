#pragma once
// what training takes, to the byte, with every optimizer
#include <string>
#include <vector>

#include "mango/optim/tensor.hpp"
#include "plan/model.hpp"
#include "plan/size.hpp"

namespace plan {

/// How weights and gradients are kept.
struct setup {
  mango::dtype parameters = mango::dtype::f32;
  bool master = false;                     ///< weights of 16 bits follow fp32 copies
  bool fused = false;                      ///< each gradient is used up during backward, so that there is one at a time
  bool background_save = false;            ///< state once more, to be written while training goes on
  std::vector<std::string> settings = {};  ///< "name=value" for every optimizer
};

/// Bytes of one optimizer. `optimizer` is what make_optimizer() reads.
struct need {
  std::string optimizer;
  bytes_t weights = 0, gradients = 0, state = 0, scratch = 0;
  [[nodiscard]] bytes_t total() const { return weights + gradients + state + scratch; }
};

/// The spec of one tensor of the model.
mango::tensor_spec spec_of(const mango::shape& shape, const setup& how);

/// Every optimizer with every store that the library knows.
std::vector<std::string> all_optimizers();

/// One entry per line of `optimizers`, from the least to the most bytes. State and scratch are what the library says.
/// Throws mango::error for an optimizer or a setting that does not exist.
std::vector<need> needs_of(const model& m, const setup& how, const std::vector<std::string>& optimizers);

}  // namespace plan
