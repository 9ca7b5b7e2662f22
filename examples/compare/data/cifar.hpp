#pragma once
// CIFAR-10, binary version: records of one label byte and 3 x 32 x 32 pixel bytes
#include <filesystem>
#include <span>

#include "compare/data/images.hpp"

namespace compare {

/// Appends the records of the files to one set. Throws data_error when a file is missing, is not a whole number of
/// 3073-byte records, or holds a label above 9.
image_set read_cifar(std::span<const std::filesystem::path> files);

/// `folder` with data_batch_1.bin to data_batch_5.bin and test_batch.bin.
image_data read_cifar_folder(const std::filesystem::path& folder);

/// True when `folder` has the first training batch.
bool has_cifar(const std::filesystem::path& folder);

}  // namespace compare
