#pragma once
// a training run that somebody else's optimizer really made, read from tests/golden
#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "mango/core/shape.hpp"
#include "optim/numbers.hpp"

#if !defined(MANGO_TEST_DATA)
#define MANGO_TEST_DATA "tests"
#endif

namespace optim_test {

/// The lines of a file: "opt NAME", "kw NAME=VALUE...", "param I RANK EXTENT...", "p0 I NUMBER...", then for every step
/// S "g S I NUMBER...", "p S I NUMBER...", "s S I NAME COUNT NUMBER...", and "scalar S NAME NUMBER".
struct recording {
  int steps = 0, tensors = 0;
  std::set<int> without;
  std::map<std::string, std::vector<double>> numbers;  // by "LETTER S I", by "S I NAME" for state
  std::string optimizer;
  std::map<std::string, std::string> settings;

  explicit recording(const std::string& name) {
    std::ifstream file(std::string(MANGO_TEST_DATA) + "/golden/" + name);
    REQUIRE_MESSAGE(file.good(), "cannot read " << name << " below " << MANGO_TEST_DATA);
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      std::string key, step, tensor, slot;
      words >> key;
      if (key == "steps") words >> steps;
      else if (key == "nparam") words >> tensors;
      else if (key == "opt") words >> optimizer;
      else if (key == "kw") read_settings(words);
      else if (key == "scalar") words >> step >> slot, read_numbers("scalar " + step + " " + slot, words);
      else if (key == "param" || key == "p0") words >> tensor, read_numbers(key + " " + tensor, words);
      else if (key == "g" || key == "p") words >> step >> tensor, read_numbers(key + " " + step + " " + tensor, words);
      else if (key == "s") words >> step >> tensor >> slot, read_numbers(step + " " + tensor + " " + slot, words);
    }
  }
  double setting(const std::string& name) const {
    const auto found = settings.find(name);
    REQUIRE_MESSAGE(found != settings.end(), name);
    return std::stod(found->second);
  }
  /// The setting, or this where the recording does not mention it.
  double setting_or(const std::string& name, double value) const {
    return settings.contains(name) ? setting(name) : value;
  }
  bool is_on(const std::string& name) const { return settings.contains(name) && settings.at(name) == "True"; }
  /// Element i of a setting like (0.9, 0.999).
  double element_or(const std::string& name, std::size_t i, double value) const {
    if (!settings.contains(name)) return value;
    std::istringstream words(settings.at(name).substr(1));
    char comma;
    for (std::size_t k = 0; words >> value && k < i; ++k) words >> comma;
    return value;
  }
  const std::vector<double>& at(const std::string& key) const {
    const auto found = numbers.find(key);
    REQUIRE_MESSAGE(found != numbers.end(), key);
    return found->second;
  }
  std::vector<float> floats(const std::string& key) const { return {at(key).begin(), at(key).end()}; }
  /// What a state line holds after its count.
  std::vector<double> state(const std::string& key) const { return {at(key).begin() + 1, at(key).end()}; }
  mango::shape shape(int tensor) const {
    const auto& described = at("param " + std::to_string(tensor));  // the rank, then the extents
    const std::vector<index_t> extents(described.begin() + 1, described.end());
    REQUIRE(extents.size() == static_cast<std::size_t>(described[0]));
    return {extents.data(), static_cast<index_t>(extents.size())};
  }
  /// Registers the tensors under their numbers; what they start from.
  template <class Optimizer> std::vector<std::vector<float>> add_all(Optimizer& opt) const {
    std::vector<std::vector<float>> start;
    for (const int i : chosen()) {
      opt.add(std::to_string(i), {.shape = shape(i)});
      start.push_back(floats("p0 " + std::to_string(i)));
    }
    return start;
  }
  /// The tensors that take part: all, unless `without` names some.
  std::vector<int> chosen() const {
    std::vector<int> all;
    for (int i = 0; i < tensors; ++i)
      if (!without.contains(i)) all.push_back(i);
    return all;
  }
  /// Trains as the recording did, and calls check(tensor, "step tensor", its numbers now, those it started from) after
  /// each update.
  template <class Optimizer, class F> void replay(Optimizer& opt, F check) const {
    CHECK(steps >= 4);
    auto p = add_all(opt);
    const auto start = p;
    for (int s = 1; s <= steps; ++s) {
      const auto step = opt.begin_step();
      for (std::size_t i = 0; i < p.size(); ++i) {
        const auto tensor = std::to_string(chosen()[i]), key = std::to_string(s) + " " + tensor;
        CAPTURE(key);
        step.update(opt.find(tensor), p[i], floats("g " + key));
        check(tensor, key, p[i], start[i]);
      }
    }
  }
  /// Whether p is what was recorded: within `roundings` of its largest number, and 2e-5 of how far each was moved.
  bool agrees(const std::string& key, const std::vector<float>& p, const std::vector<float>& start,
              int roundings = 1) const {
    const auto& expected = at("p " + key);
    double largest = 0;
    for (const double x : expected) largest = std::max(largest, std::abs(x));
    for (std::size_t j = 0; j < expected.size(); ++j) {
      const double moved = std::abs(expected[j] - static_cast<double>(start[j]));
      if (!(std::abs(static_cast<double>(p[j]) - expected[j]) <= roundings * 0x1p-22 * largest + 2e-5 * moved))
        return false;
    }
    return p.size() == expected.size();
  }

 private:
  void read_settings(std::istringstream& words) {
    std::string name;
    for (std::string word; words >> word;) {  // one with '=' begins a setting, others go on with it
      const auto equals = word.find('=');
      if (equals != word.npos) name = word.substr(0, equals), settings[name] = word.substr(equals + 1);
      else settings[name] += word;
    }
  }
  void read_numbers(const std::string& key, std::istringstream& words) {
    for (double x; words >> x;) numbers[key].push_back(x);
  }
};

}  // namespace optim_test
