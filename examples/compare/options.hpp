#pragma once
// the command line
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace compare {

/// What the user asked for. Zero and empty mean "the model's or the optimizer's default" (defaults.hpp).
struct options {
  std::string model = "mlp";
  std::vector<std::string> optimizers = {"adamw"};
  std::vector<std::string> features;  ///< each makes one more variant of every optimizer that can have it
  std::string data;
  std::vector<std::uint64_t> seeds = {1};
  double epochs = 0.0;
  std::size_t steps = 0, batch = 0;
  double learning_rate = 0.0;
  std::string schedule = "cosine";
  double warmup = 0.05;             ///< fraction of the steps
  std::optional<double> clip_norm;  ///< 0 switches clipping off
  std::size_t evaluations = 10;     ///< points of the held-out curve, the final one included
  std::size_t threads = 0;
  std::string output = "mango-compare-report";
  std::string save, resume;  ///< folders of saved runs
  std::size_t stop = 0;      ///< ends every run after so many of its steps
  bool quiet = false, demo = false, list = false;
};

/// What became of a command line: options to run with, or text to print and the code to exit with.
struct parsed {
  std::optional<options> run;
  std::string text;
  int exit_code = 0;
};

/// Parses `arguments` (without the program's name). "--help" comes back as text with code 0; anything wrong as one
/// sentence with code 2. `names`: every optimizer that exists, what "all" stands for; specs are checked up to the
/// colon.
parsed parse(std::vector<std::string> arguments, std::span<const std::string> names);

/// "3" means seeds 1, 2, 3; "7,11" means those two. Throws std::invalid_argument with a sentence on anything else.
std::vector<std::uint64_t> parse_seeds(const std::string& text);

/// The command that repeats a run: every setting that matters, defaults that depend on the machine written out.
std::string command_line(const options& o, const std::string& program);

}  // namespace compare
