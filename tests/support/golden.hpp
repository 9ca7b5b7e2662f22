#pragma once
// Files of tests/golden made of lines "name word word ...": words by name, as floats from bit patterns or as bytes.
#include <doctest/doctest.h>

#include <bit>
#include <cstdint>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#if !defined(MANGO_TEST_DATA)
#define MANGO_TEST_DATA "tests"
#endif

namespace support {

/// One such file; lines that start with # are comments.
class golden {
 public:
  explicit golden(const std::string& name) {
    std::ifstream file(std::string(MANGO_TEST_DATA) + "/golden/" + name);
    REQUIRE_MESSAGE(file.good(), "cannot read " << name << " below " << MANGO_TEST_DATA);
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      std::string key;
      words >> key;
      if (key != "#")
        for (std::string word; words >> word;) lines_[key].push_back(word);
    }
  }
  /// The words of a line as the bit patterns of floats, in hex.
  std::vector<float> floats(const std::string& key) const {
    std::vector<float> all;
    for (const std::string& word : at(key))
      all.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(std::stoul(word, nullptr, 16))));
    return all;
  }
  /// The one word of a line as bytes, two hex digits each.
  std::vector<std::uint8_t> bytes(const std::string& key) const {
    std::vector<std::uint8_t> all;
    const std::string& word = at(key).front();
    for (std::size_t i = 0; i + 1 < word.size(); i += 2)
      all.push_back(static_cast<std::uint8_t>(std::stoul(word.substr(i, 2), nullptr, 16)));
    return all;
  }

 private:
  const std::vector<std::string>& at(const std::string& key) const {
    const auto found = lines_.find(key);
    REQUIRE_MESSAGE(found != lines_.end(), key);
    return found->second;
  }
  std::map<std::string, std::vector<std::string>> lines_;
};

}  // namespace support
