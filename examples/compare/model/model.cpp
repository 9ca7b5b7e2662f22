#include "compare/model/model.hpp"

#include <stdexcept>

namespace compare {

std::unique_ptr<model> make_model(const std::string& name, const extents& e) {
  if (name == "mlp") return make_mlp(e);
  if (name == "convnet") return make_convnet(e);
  if (name == "gpt") return make_gpt(e);
  throw std::invalid_argument("unknown model '" + name + "'; there are mlp, convnet, gpt");
}

}  // namespace compare
