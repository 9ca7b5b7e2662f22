#pragma once
// the idx format of MNIST and its relatives: magic, extents (big-endian), unsigned bytes
#include <filesystem>

#include "compare/data/images.hpp"

namespace compare {

/// One pair of idx files, images (magic 0x00000803: n, rows, columns) and labels (magic 0x00000801: n), gzip or not.
/// Throws data_error when a magic number, an extent, the length or a label is wrong, or when the counts differ.
image_set read_idx(const std::filesystem::path& images, const std::filesystem::path& labels);

/// `folder` with train-{images-idx3,labels-idx1}-ubyte and t10k-{...}, each with or without ".gz".
image_data read_idx_folder(const std::filesystem::path& folder);

/// True when `folder` has the training images under one of the names read_idx_folder() looks for.
bool has_idx(const std::filesystem::path& folder);

}  // namespace compare
