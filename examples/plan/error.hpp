#pragma once
// what mango-plan throws: a kind for tests and programs, a sentence for people
#include <stdexcept>
#include <string>

namespace plan {

enum class problem {
  missing,   ///< no such file, or no such model
  table,     ///< a .csv that is not "count,shape"
  header,    ///< a .safetensors file whose header is damaged
  too_large  ///< more parameters than can be counted
};

struct error : std::runtime_error {
  error(problem what_kind, const std::string& sentence) : std::runtime_error(sentence), kind(what_kind) {}
  problem kind;
};

}  // namespace plan
