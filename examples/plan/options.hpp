#pragma once
// the command line
#include <optional>
#include <string>
#include <vector>

#include "plan/memory.hpp"

namespace plan {

/// What the user asked for. No optimizers: all of them.
struct options {
  std::vector<std::string> models, optimizers;
  std::optional<bytes_t> budget;
  setup how;
  std::string svg;
  bool list = false;
};

/// What became of a command line: options to run with, or text to print and the code to exit with.
struct parsed {
  std::optional<options> run;
  std::string text;
  int exit_code = 0;
};

/// Parses `arguments` (without the program's name). "--help" comes back as text with code 0; anything wrong as one
/// sentence with code 2.
parsed parse(std::vector<std::string> arguments);

}  // namespace plan
