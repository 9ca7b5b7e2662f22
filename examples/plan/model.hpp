#pragma once
// a model as the planner sees it: shapes, and how often each occurs
#include <string>
#include <string_view>
#include <vector>

#include "mango/core/shape.hpp"

namespace plan {

using mango::index_t;

/// `count` tensors of one shape.
struct tensors {
  mango::shape shape;
  index_t count = 1;
};

/// Everything that is trained. `skipped`: tensors of a file that hold integers, so are no parameters.
struct model {
  std::string name;
  std::vector<tensors> parts;
  index_t skipped = 0;

  [[nodiscard]] index_t tensor_count() const;
  [[nodiscard]] index_t parameters() const;
  /// Elements of the largest tensor, 0 for a model without any.
  [[nodiscard]] index_t largest() const;
  /// Adds tensors. Throws problem::too_large, with `where` in the sentence, above 2^53 parameters: beyond, byte counts
  /// would no longer be exact.
  void add(const mango::shape& shape, index_t count, const std::string& where);

 private:
  index_t parameters_ = 0, tensor_count_ = 0;
};

/// A model that is built in: its name and its table.
struct known_model {
  std::string_view name, table;
};
const std::vector<known_model>& known_models();

/// A model from what the user named: a .csv or .safetensors file, or a model that is built in. Throws error.
model load(const std::string& source);
/// Several together: the shards of one checkpoint, or parts that are trained at once.
model load(const std::vector<std::string>& sources);

/// The whole file. Throws problem::missing.
std::string read_file(const std::string& path);

}  // namespace plan
