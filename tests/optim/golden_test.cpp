// AdamW against what torch.optim.AdamW really computed: parameters and state after every step, read from files
#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "mango/optim/adamw.hpp"
#include "optim/numbers.hpp"
#include "optim/snapshot.hpp"

#if !defined(MANGO_TEST_DATA)
#define MANGO_TEST_DATA "tests"
#endif

using namespace optim_test;

namespace {

// The lines of a trajectory: "param I RANK EXTENT...", "p0 I NUMBER...", then for every step S "g S I NUMBER...",
// "p S I NUMBER...", and "s S I NAME COUNT NUMBER..."; everything about a tensor is kept under "LETTER S I [NAME]".
struct trajectory {
  int steps = 0, tensors = 0;
  double lr = 0, weight_decay = 0;
  std::map<std::string, std::vector<double>> numbers;

  explicit trajectory(const std::string& name) {
    std::ifstream file(std::string(MANGO_TEST_DATA) + "/golden/" + name);
    REQUIRE_MESSAGE(file.good(), "cannot read " << name << " below " << MANGO_TEST_DATA);
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      std::string key, step, tensor, slot;
      words >> key;
      if (key == "steps") words >> steps;
      else if (key == "nparam") words >> tensors;
      else if (key == "kw") read_settings(words);
      else if (key == "param" || key == "p0") words >> tensor, read_numbers(key + " " + tensor, words);
      else if (key == "g" || key == "p") words >> step >> tensor, read_numbers(key + " " + step + " " + tensor, words);
      else if (key == "s") words >> step >> tensor >> slot, read_numbers(step + " " + tensor + " " + slot, words);
    }
  }
  const std::vector<double>& at(const std::string& key) const {
    const auto found = numbers.find(key);
    REQUIRE_MESSAGE(found != numbers.end(), key);
    return found->second;
  }
  std::vector<float> floats(const std::string& key) const { return {at(key).begin(), at(key).end()}; }

 private:
  void read_settings(std::istringstream& words) {
    for (std::string word; words >> word;) {
      const auto equals = word.find('=');
      (word.substr(0, equals) == "lr" ? lr : weight_decay) = std::stod(word.substr(equals + 1));
    }
  }
  void read_numbers(const std::string& key, std::istringstream& words) {
    for (double x; words >> x;) numbers[key].push_back(x);
  }
};

void reproduce(const std::string& name, double weight_decay) {
  const trajectory golden(name);
  CHECK(golden.steps == 4);
  CHECK(golden.tensors == 6);
  CHECK(golden.weight_decay == weight_decay);
  mango::adamw opt{{.learning_rate = golden.lr, .weight_decay = golden.weight_decay}};
  std::vector<std::vector<float>> p;
  for (int i = 0; i < golden.tensors; ++i) {
    const auto& described = golden.at("param " + std::to_string(i));  // the rank, then the extents
    const std::vector<index_t> extents(described.begin() + 1, described.end());
    REQUIRE(extents.size() == static_cast<std::size_t>(described[0]));
    opt.add(std::to_string(i), {.shape = {extents.data(), static_cast<index_t>(extents.size())}});
    p.push_back(golden.floats("p0 " + std::to_string(i)));
  }
  for (int s = 1; s <= golden.steps; ++s) {
    const auto step = opt.begin_step();
    for (std::size_t i = 0; i < p.size(); ++i) {
      const auto tensor = std::to_string(i), key = std::to_string(s) + " " + tensor;
      CAPTURE(key);
      step.update(opt.find(tensor), p[i], golden.floats("g " + key));
      CHECK(distance(p[i], golden.at("p " + key), 0.01) < 1e-6);
      // a state line holds a count, then the numbers
      auto m = golden.at(key + " exp_avg"), v = golden.at(key + " exp_avg_sq");
      m.erase(m.begin());
      v.erase(v.begin());
      CHECK(distance(floats_of(opt, tensor, "m"), m, 0.01) < 1e-6);  // m passes through zero
      CHECK(distance(floats_of(opt, tensor, "v"), v, 1e-12) < 1e-6);
      CHECK(static_cast<double>(opt.updates(opt.find(tensor))) == golden.at(key + " step")[1]);
    }
  }
}

}  // namespace

TEST_CASE("optim golden: AdamW reproduces torch.optim.AdamW, parameters and state, with decay") {
  reproduce("torch_adamw.txt", 0.1);
}

TEST_CASE("optim golden: AdamW reproduces torch.optim.AdamW, parameters and state, without decay") {
  reproduce("torch_adamw_nowd.txt", 0.0);
}
