#pragma once
// labelled images as bytes, the way every image data set ships them
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace compare {

/// `size()` images of channels x height x width bytes each, channel planes one after the other, and their classes.
struct image_set {
  std::size_t channels = 0, height = 0, width = 0, classes = 0;
  std::vector<std::uint8_t> pixels;
  std::vector<std::uint8_t> labels;

  [[nodiscard]] std::size_t size() const { return labels.size(); }
  [[nodiscard]] std::size_t image_bytes() const { return channels * height * width; }
};

/// Both halves of an image data set, split as shipped.
struct image_data {
  std::string name;
  image_set train, test;
};

}  // namespace compare
