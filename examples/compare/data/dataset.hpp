#pragma once
// which data set a command means
#include <filesystem>

#include "compare/data/images.hpp"

namespace compare {

/// Where Debian's package dataset-fashion-mnist puts its files.
inline constexpr const char* fashion_mnist_folder = "/usr/share/datasets/fashion-mnist";

/// Text that every Debian system carries, about 240 kB.
inline constexpr const char* licences_folder = "/usr/share/common-licenses";

/// Images of `folder`: idx files or CIFAR-10 batches, told apart by the names found; empty means Fashion-MNIST as
/// Debian ships it. Throws data_error when nothing usable is there.
image_data read_images(const std::filesystem::path& folder);

}  // namespace compare
