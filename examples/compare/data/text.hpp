#pragma once
// text as tokens: one token per byte value that occurs
#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace compare {

/// A text cut in two: the last tenth validates. Tokens index `vocabulary`, the byte values found, in ascending order.
struct text_data {
  std::string name;
  std::vector<std::uint8_t> vocabulary;
  std::vector<std::uint8_t> train, validation;
};

/// The least text worth training on, in bytes.
inline constexpr std::size_t least_text = 100'000;

/// A text file, or every regular file of a folder without zero bytes (links skipped), joined in name order.
/// Throws data_error when nothing is there or the text is shorter than least_text.
text_data read_text(const std::filesystem::path& path);

/// Cuts and numbers the bytes of a text of any length above ten.
text_data make_text(std::string name, std::span<const std::uint8_t> bytes);

/// Entropy of the single tokens, in nats per token: what a model that ignores its context can reach at best.
double unigram_entropy(std::span<const std::uint8_t> tokens);

}  // namespace compare
